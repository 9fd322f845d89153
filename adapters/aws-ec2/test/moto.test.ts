import type { ChildProcess } from "node:child_process";
import { spawn, spawnSync } from "node:child_process";
import { createServer } from "node:net";
import { describeAdapter } from "@gpujob/adapter-kit/conformance";
import { createTestContext } from "@gpujob/adapter-kit/testing";
import { describe, it } from "vitest";
import aws from "../src/index.ts";
import { keySettings, makeKeys } from "./keys.ts";

/**
 * A second opinion on the wire format: the same suite on moto, which others wrote. `pip install 'moto[server]'`, and
 * `moto_server` in the path, or its path in `GPUJOB_TEST_MOTO`.
 */
const program = process.env["GPUJOB_TEST_MOTO"] ?? "moto_server";
const isThere = spawnSync(program, ["--help"], { stdio: "ignore", timeout: 30_000 }).status === 0;
(isThere ? describeOnMoto : describeSkipped)();

function describeSkipped(): void {
  describe("aws-ec2 on moto", () => {
    // oxlint-disable-next-line vitest/expect-expect -- it only says why
    it("keeps the contract", ({ skip }) =>
      skip(`${program} is not installed: pip install 'moto[server]'`));
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

async function startMoto(port: number): Promise<ChildProcess> {
  const child = spawn(program, ["-H", "127.0.0.1", "-p", String(port)], { stdio: "ignore" });
  const untilMs = performance.now() + 60_000;
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${port}/moto-api/data.json`).catch(
      () => undefined,
    );
    if (answer?.ok === true) return child;
    if (performance.now() > untilMs || child.exitCode !== null)
      throw new Error("moto did not start.");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function describeOnMoto(): void {
  describeAdapter(aws, {
    title: "aws-ec2 on moto",
    except: {
      "makes one machine when the same lease key comes twice": "moto knows no client tokens",
      "refuses an offer that the platform does not know": "moto launches any type",
      "may be asked twice at the same moment": "moto breaks over two terminations at once",
      "moves its own end timer, to the same time twice too": "moto has no machines to log in to",
    },
    async setup() {
      const port = await freePort();
      const moto = await startMoto(port);
      const keys = makeKeys();
      const config = {
        ...keySettings,
        endpoint: `http://127.0.0.1:${port}`,
        // It resolves no parameters, and knows this image.
        image: "ami-12c6146b",
        types: ["g4dn.xlarge"],
      };
      return {
        platform: aws.create(
          aws.configSchema.parse(config),
          createTestContext({
            platform: "aws",
            secrets: { TEST_AWS_ID: keys.accessKeyId, TEST_AWS_KEY: keys.secretAccessKey },
          }),
        ),
        config,
        bootTimeoutMs: 20_000,
        releaseTimeoutMs: 20_000,
        close: () => void moto.kill(),
      };
    },
  });
}
