import { createServer } from "node:http";
import { createProxyFetch } from "@gpujob/adapter-kit";
import { createTestClock } from "@gpujob/adapter-kit/testing";
import { describe, it, onTestFinished } from "vitest";
import { startCloud, wait } from "./setup.ts";

const onDemand = "cn-hangzhou-i/ecs.gn7i-c8g1.2xlarge/on-demand";

describe("the SDK's own way of asking", () => {
  it("would give up after 3 s: an answer may take longer than that", async ({ expect }) => {
    const { another } = await startCloud();
    const clock = createTestClock();
    const fetched: Promise<unknown>[] = [];
    const slow = another(
      {},
      {
        clock,
        fetch: (input, init) => {
          const answer = clock.sleep(25_000, wait).then(() => globalThis.fetch(input, init));
          fetched.push(answer);
          return answer;
        },
      },
    );
    const listed = slow.listLeases({ installation: "testinst" }, wait);
    await until(() => fetched.length === 1);
    await clock.advance(25_000);
    expect(await listed).toEqual([]);
  });

  it("repeats nothing, and neither do we: a launch of unknown outcome was sent once", async ({
    expect,
  }) => {
    const { emulator, platform, findOffer, request } = await startCloud();
    const offer = await findOffer(onDemand);
    emulator.refuseNext("RunInstances", { code: "ServiceUnavailable", status: 503 });
    await expect(platform.createLease(request(offer), wait)).rejects.toMatchObject({
      failure: { kind: "outcome_unknown", platformCode: "ServiceUnavailable" },
    });
    expect(emulator.requests.filter(isLaunch)).toHaveLength(1);
  });

  it("knows no proxy: here the proxy of the environment is used", async ({ expect }) => {
    const { emulator, another } = await startCloud();
    const asked: string[] = [];
    const proxy = createServer();
    proxy.on("connect", (request, socket) => {
      asked.push(request.url ?? "");
      socket.destroy();
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void proxy.close());
    const address = proxy.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const fetch = createProxyFetch({ HTTPS_PROXY: `http://127.0.0.1:${port}` });
    // The vendor's own address: nothing leaves this computer.
    const platform = another({ endpoint: "https://ecs.aliyuncs.com" }, { fetch });
    await expect(platform.listLeases({ installation: "testinst" }, wait)).rejects.toMatchObject({
      failure: { kind: "unreachable" },
    });
    expect(asked).toEqual(["ecs.aliyuncs.com:443"]);
    expect(emulator.requests).toEqual([]);
  });

  it("puts everything into the address: no error shows it, and it stays short", async ({
    expect,
  }) => {
    const { emulator, platform, another, findOffer, request, releaseFully } = await startCloud();
    const offer = await findOffer(onDemand);
    const { leaseId } = await platform.createLease(request(offer), wait);
    await releaseFully(platform, leaseId);
    const longest = Math.max(...emulator.requests.map(({ query }) => String(query).length));
    expect(longest).toBeLessThan(2000);
    await emulator.close();
    const closed = another({});
    const error: unknown = await closed.createLease(request(offer), wait).catch((thrown) => thrown);
    expect(JSON.stringify(error)).not.toContain("InstanceType=");
    expect(String(error)).not.toContain("?");
    expect(error).toMatchObject({ failure: { kind: "unreachable" } });
  });

  it("stumbles over an answer that is no JSON: here its status counts", async ({ expect }) => {
    const { emulator, platform, findOffer, request } = await startCloud();
    const offer = await findOffer(onDemand);
    const page = { code: "", status: 502, text: "<html>Bad Gateway</html>" };
    emulator.refuseNext("RunInstances", page);
    await expect(platform.createLease(request(offer), wait)).rejects.toMatchObject({
      failure: { kind: "outcome_unknown" },
    });
    emulator.refuseNext("DescribeInstances", page);
    await expect(platform.listLeases({ installation: "testinst" }, wait)).rejects.toMatchObject({
      failure: { kind: "unavailable" },
    });
  });

  it("tells how long to wait after throttling, and so do we", async ({ expect }) => {
    const { emulator, platform } = await startCloud();
    emulator.refuseNext("DescribeInstances", {
      code: "Throttling.User",
      headers: { "x-acs-retry-after": "4000" },
    });
    await expect(platform.listLeases({ installation: "testinst" }, wait)).rejects.toMatchObject({
      failure: { kind: "rate_limited", scope: "account", retryAfterMs: 4000 },
    });
  });
});

function isLaunch({
  headers,
}: {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}): boolean {
  return headers["x-acs-action"] === "RunInstances";
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
}
