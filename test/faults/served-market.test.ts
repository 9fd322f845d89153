import { describe, it, onTestFinished } from "vitest";
import { makeFaultHome, until } from "./support/fault-home.ts";
import { cardJob, serveFor } from "./support/play-served.ts";

describe("gpujob mock serve", () => {
  it("says where it is, and at Ctrl-C what still bills; the machines outlive it", async ({
    expect,
  }) => {
    const home = await makeFaultHome({ config: "", jobs: {} });
    onTestFinished(() => home.remove());
    const server = home.start(["mock", "serve"]);
    await until("it says where it is", async () => server.out().includes("token:"));
    const url = /endpoint: (\S+)/.exec(server.out())?.[1] ?? "";
    expect((await fetch(`${url}/v1/offers`)).status).toBe(401);
    const taken = await home.run(["mock", "serve", "--port", new URL(url).port]);
    expect(taken).toMatchObject({ code: 2, err: expect.stringContaining("cannot be used") });
    server.kill("SIGINT");
    const { code, out } = await server.result;
    expect({ code, out }).toMatchObject({
      code: 0,
      out: expect.stringContaining("Nothing of it bills"),
    });
  });

  it("leaves machines and meter when it ends, and goes on with them when it is started again", async ({
    expect,
  }) => {
    const home = await serveFor({ job: cardJob("sleep 6") });
    const submitted = home.start(["submit", "job.yaml", "-y"]);
    await until("the job runs", async () => (await home.readTruth("starts-strange")).length > 0);
    const { billing } = await home.stopServer();
    expect(billing).toHaveLength(1);
    await home.startServer();
    expect((await submitted.result).code).toBe(3);
    const meter = await home.run(["mock", "meter", "--json"]);
    const { machines } = JSON.parse(meter.out).data;
    expect(machines.map(({ endedAt }: { endedAt: string | null }) => endedAt)).not.toContain(null);
  });

  it("takes only what belongs to each of its actions", async ({ expect }) => {
    const home = await makeFaultHome({ config: "", jobs: {} });
    onTestFinished(() => home.remove());
    for (const words of [
      ["meter", "--port", "1"],
      ["reset", "cheap"],
      ["serve", "cheap"],
      ["serve", "--random", "2"],
      ["fault", "market"],
      ["fault", "market", "{ on: create, do: explode }"],
      ["fault", "market", "{ on: create, do: lose-reply }", "--clear"],
    ]) {
      expect({ words, code: (await home.run(["mock", ...words])).code }).toEqual({
        words,
        code: 2,
      });
    }
  });
});
