import { readFile } from "node:fs/promises";
import type { TestAnswer, TestServer } from "@gpujob/adapter-kit/testing";
import { startTestServer } from "@gpujob/adapter-kit/testing";

export const gpugeekKey = "correct-horse-battery";

export async function readFixture(name: string): Promise<string> {
  return readFile(new URL(`../fixtures/${name}.json`, import.meta.url), "utf8");
}

/** The part of the API that is known: one list, behind a key in a header of its own. */
export async function startFakeGpugeek(answer?: TestAnswer): Promise<TestServer> {
  const list = await readFixture("gpu-list");
  return startTestServer({
    handle({ path, headers, method }) {
      if (headers["gz-api-token"] !== gpugeekKey) return { status: 401, json: {} };
      if (method !== "GET" || path !== "/api/v1/open-api/gpu/list")
        return { status: 404, text: "404 page not found" };
      return answer ?? { json: JSON.parse(list) };
    },
    targetOf: ({ path }) => (path.endsWith("/gpu/list") ? "offers" : undefined),
    refuse(kind) {
      if (kind === "unauthorized") return { status: 401, json: {} };
      if (kind === "rate_limited") return { status: 429, json: {} };
      return { status: 503, text: "<html>Bad gateway</html>" };
    },
  });
}
