import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readStored } from "@gpujob/engine";
import { createGpujob } from "@gpujob/sdk";
import type { CostReport } from "@gpujob/sdk";
import type { RunView } from "@gpujob/spec";
import type { TestRequest } from "@gpujob/adapter-kit/testing";
import { afterAll, describe, it, onTestFinished } from "vitest";
import type { ExpectStatic } from "vitest";
import { makeFolder, runGpujob } from "../cli/support/gpujob.ts";
import { removeTestContainers } from "../support/ssh-hosts.ts";
import type { AliyunCloud } from "./support/aliyun-cloud.ts";
import { startAliyunCloud, stockOf, writeHome } from "./support/aliyun-cloud.ts";

afterAll(() => removeTestContainers());

interface Envelope<Data> {
  readonly data: Data;
}

async function makeHome(cloud: AliyunCloud): Promise<string> {
  const home = await makeFolder();
  await writeHome(home, cloud);
  return home;
}

async function readJson<Data>(home: string, cloud: AliyunCloud, ...argv: string[]): Promise<Data> {
  const { out } = await runGpujob([...argv, "--json"], { home, environment: cloud.environment });
  return readStored<Envelope<Data>>(out).data;
}

/** The launches that ECS was asked for, in order. */
function launches({ emulator }: AliyunCloud): readonly URLSearchParams[] {
  return emulator.requests.flatMap(({ headers, query }: TestRequest) =>
    headers["x-acs-action"] === "RunInstances" ? [query] : [],
  );
}

const trainer = `name: trainer
resources: { gpu: A10 }
outputs: [result]
run: |
  echo "on $GPUJOB_PLATFORM"
  echo started >> "$GPUJOB_OUTPUT_DIR/starts"
  sleep 2; echo 42 > result
`;

async function submit(
  home: string,
  cloud: AliyunCloud,
  job: string,
  environment: Readonly<Record<string, string>> = {},
): ReturnType<typeof runGpujob> {
  await writeFile(join(home, "job.yaml"), job);
  return runGpujob(["submit", "job.yaml", "-y"], {
    home,
    environment: { ...cloud.environment, ...environment },
    timeoutMs: 200_000,
  });
}

/** What the ledger says and what the cloud's meter says, in millionths of a yuan. */
async function readMoney(home: string, cloud: AliyunCloud) {
  const { lines } = await readJson<CostReport>(home, cloud, "cost");
  return { lines, meter: cloud.emulator.market.bills() };
}

/**
 * A machine that is gone is shown no more, so that the ledger ends when that is seen: never before the meter, and some
 * seconds after it only where this computer is busy. The price of a second is the same.
 */
function expectFair(
  expect: ExpectStatic,
  { lines, meter }: Awaited<ReturnType<typeof readMoney>>,
): void {
  const [line] = lines;
  const [bill] = meter;
  const [ours, theirs] = [line?.billedSeconds ?? 0, bill?.seconds ?? 0];
  expect(ours).toBeGreaterThanOrEqual(theirs);
  expect(ours).toBeLessThanOrEqual(theirs + 10);
  const perSecond = (bill?.micros ?? 0) / theirs;
  expect(Math.abs((line?.amount.micros ?? 0) - perSecond * ours)).toBeLessThanOrEqual(2);
}

describe("a run on Alibaba Cloud", () => {
  it("goes from a zone without capacity to the next one, brings its outputs home and pays what the meter says", async ({
    expect,
  }) => {
    const cloud = await startAliyunCloud([
      stockOf("cn-hangzhou-i", 2),
      stockOf("cn-hangzhou-j", 2),
    ]);
    const home = await makeHome(cloud);
    // It has just shown stock.
    cloud.emulator.refuseNext("RunInstances", { code: "OperationDenied.NoStock", status: 403 });
    const { code, out, err } = await submit(home, cloud, trainer);
    expect(err).toContain("cn-hangzhou-i");
    expect(code).toBe(0);
    expect(out).toBe("on aliyun\n");
    const run = await readJson<RunView>(home, cloud, "show");
    expect(run).toMatchObject({ state: "succeeded", exitCode: 0, billing: "ended" });
    expect(run.attempts.map(({ offerId }) => offerId)).toEqual([
      "cn-hangzhou-i/ecs.gn7i-c8g1.2xlarge/on-demand",
      "cn-hangzhou-j/ecs.gn7i-c8g1.2xlarge/on-demand",
    ]);
    expect(await readFile(join(home, "outputs", run.id, "result"), "utf8")).toBe("42\n");
    // The full zone was asked once: no retry of the SDK knocked again.
    expect(launches(cloud)).toHaveLength(2);
    const { lines, meter } = await readMoney(home, cloud);
    expect(meter).toHaveLength(1);
    expect(meter[0]?.to).toBeGreaterThan(0);
    expect(lines.map(({ amount }) => amount.currency)).toEqual(["CNY"]);
    expectFair(expect, { lines, meter });
    expect(cloud.emulator.leftovers("cn-hangzhou")).toEqual([]);
    const audit = await readJson<{ readonly billing: unknown[]; readonly unknown: unknown[] }>(
      home,
      cloud,
      "audit",
    );
    expect(audit).toMatchObject({ billing: [], unknown: [] });
  });

  it("takes a machine that was promised and vanishes for want of capacity, and goes to the next zone", async ({
    expect,
  }) => {
    const cloud = await startAliyunCloud([
      stockOf("cn-hangzhou-i", 2),
      stockOf("cn-hangzhou-j", 2),
    ]);
    const home = await makeHome(cloud);
    cloud.emulator.promiseNextInVain();
    const { code, err } = await submit(home, cloud, trainer);
    expect(err).toContain("there was no stock after all");
    expect(code).toBe(0);
    const run = await readJson<RunView>(home, cloud, "show");
    expect(run).toMatchObject({ state: "succeeded", billing: "ended" });
    expect(run.attempts.map(({ offerId }) => offerId)).toEqual([
      "cn-hangzhou-i/ecs.gn7i-c8g1.2xlarge/on-demand",
      "cn-hangzhou-j/ecs.gn7i-c8g1.2xlarge/on-demand",
    ]);
    expect(cloud.emulator.market.bills()).toHaveLength(1);
  });

  it("makes one machine when the answer to the launch is lost", async ({ expect }) => {
    const cloud = await startAliyunCloud([stockOf("cn-hangzhou-i", 5)]);
    const home = await makeHome(cloud);
    cloud.emulator.helpers.loseNextCreateReply();
    const { code, err } = await submit(home, cloud, trainer);
    expect(err).not.toBe("");
    expect(code).toBe(0);
    const [first, second] = launches(cloud);
    expect(second?.get("ClientToken")).toBe(first?.get("ClientToken"));
    expect(cloud.emulator.market.bills()).toHaveLength(1);
    expect(cloud.hosts.size).toBe(1);
    expect((await readJson<RunView>(home, cloud, "show")).attempts).toHaveLength(1);
  });

  it("makes one machine when the driver is killed between the launch and its note of it", async ({
    expect,
  }) => {
    const cloud = await startAliyunCloud([stockOf("cn-hangzhou-i", 5)]);
    const home = await makeHome(cloud);
    const killed = await submit(home, cloud, trainer, { GPUJOB_CRASH_AT: "sent:create-lease" });
    expect(killed, killed.err).toMatchObject({ signal: "SIGKILL" });
    expect(cloud.emulator.market.bills().length).toBeLessThanOrEqual(1);
    const environment = cloud.environment;
    const waited = await runGpujob(["wait"], { home, environment, timeoutMs: 200_000 });
    expect(waited.code).toBe(0);
    const run = await readJson<RunView>(home, cloud, "show");
    expect(run).toMatchObject({ state: "succeeded", billing: "ended" });
    expect(await readFile(join(home, "outputs", run.id, "starts"), "utf8")).toBe("started\n");
    expect(cloud.emulator.market.bills()).toHaveLength(1);
    expect(cloud.hosts.size).toBe(1);
    expectFair(expect, await readMoney(home, cloud));
  });
});

const saver = {
  name: "saver",
  resources: { gpu: "A10" },
  market: "spot" as const,
  checkpoint: { path: "ckpt", every: "60s", grace: "20s" },
  run: `mkdir -p ckpt; i=$(cat ckpt/step 2>/dev/null || echo 0)
save() { echo "$i" > ckpt/new; mv ckpt/new ckpt/step; echo "saved $i"; exit 0; }
trap save TERM
echo "begin at $i, resumed=$GPUJOB_RESUME"
while [ "$i" -lt 25 ]; do i=$((i + 1)); echo "step $i"; sleep 1 & wait $!; done
echo done`,
};

describe("a spot machine with a notice", () => {
  it("saves, has its replacement on the way within 10 s, and runs nothing twice", async ({
    expect,
  }) => {
    const spot = { market: "spot", pricePerHour: 0.7 } as const;
    const cloud = await startAliyunCloud([
      stockOf("cn-hangzhou-i", 1, spot),
      stockOf("cn-hangzhou-j", 1, { ...spot, pricePerHour: 0.8 }),
    ]);
    const home = await makeHome(cloud);
    const gpujob = createGpujob({
      home: join(home, "state"),
      cwd: home,
      environment: { PATH: process.env["PATH"], HOME: home, ...cloud.environment },
    });
    onTestFinished(() => gpujob.close());
    const wait = { signal: AbortSignal.timeout(280_000) };
    const run = await gpujob.submit({ job: saver }, wait);
    const { market } = cloud.emulator;
    let text = "";
    let noticedAt: number | undefined;
    let replacedAt: number | undefined;
    const collect = async (): Promise<void> => {
      for await (const event of run.events) {
        if (event.type === "log") text += Buffer.from(event.bytes).toString();
        if (noticedAt === undefined && text.includes("step 6\n")) {
          noticedAt = Date.now();
          for (const { id } of market.bills()) market.announce(id, 300_000);
        }
        if (launches(cloud).length > 1) replacedAt ??= Date.now();
      }
    };
    await Promise.all([collect(), run.result]);
    const view = await run.result;
    expect(view).toMatchObject({ state: "succeeded", exitCode: 0, billing: "ended" });
    expect(view.attempts.map(({ offerId }) => offerId)).toEqual([
      "cn-hangzhou-i/ecs.gn7i-c8g1.2xlarge/spot",
      "cn-hangzhou-j/ecs.gn7i-c8g1.2xlarge/spot",
    ]);
    expect((replacedAt ?? Number.POSITIVE_INFINITY) - (noticedAt ?? 0)).toBeLessThan(10_000);
    const saved = Number(/saved (\d+)/.exec(text)?.[1]);
    const resumed = Number(/begin at (\d+), resumed=1/.exec(text)?.[1]);
    expect(saved).toBeGreaterThanOrEqual(6);
    expect(resumed).toBe(saved);
    const steps = [...text.matchAll(/step (\d+)\n/g)].map(([, step]) => Number(step));
    expect(steps).toEqual(Array.from({ length: 25 }, (_, index) => index + 1));
    expect(market.bills()).toHaveLength(2);
    expect(market.bills().every(({ to }) => to !== undefined)).toBe(true);
    expect(cloud.emulator.leftovers("cn-hangzhou")).toEqual([]);
  });
});
