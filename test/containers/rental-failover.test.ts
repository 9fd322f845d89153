import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createGpujob } from "@gpujob/sdk";
import type { Gpujob, RunEvent, SubmittedRun } from "@gpujob/sdk";
import { afterAll, describe, it, onTestFinished, vi } from "vitest";
// @boundaries-ignore a platform's fake stands with the tests of its adapter, and is no part of any package
import { autodlToken, startFakeAutodl } from "../../adapters/autodl/test/fake-autodl.ts";
// @boundaries-ignore as above
import {
  privateKey,
  publicKey,
  startFakeCompshare,
} from "../../adapters/compshare/test/fake-compshare.ts";
import { makeFolder } from "../cli/support/gpujob.ts";
import { removeTestContainers, startSshHost } from "../support/ssh-hosts.ts";
import type { SshHost } from "../support/ssh-hosts.ts";

afterAll(() => removeTestContainers());

const wait = { signal: AbortSignal.timeout(280_000) };

async function startMachine(user: string, password: string): Promise<SshHost> {
  const host = await startSshHost({ users: [{ name: user, password }] });
  onTestFinished(() => host.destroy());
  return host;
}

/** A home with this configuration, and gpujob in it. */
async function openHome(
  configuration: object,
  environment: Readonly<Record<string, string>>,
): Promise<Gpujob> {
  const folder = await makeFolder();
  const home = join(folder, "state");
  await mkdir(home, { recursive: true, mode: 0o700 });
  // JSON is YAML.
  await writeFile(join(home, "config.yaml"), JSON.stringify(configuration), { mode: 0o600 });
  const gpujob = createGpujob({
    home,
    cwd: folder,
    environment: { PATH: process.env["PATH"], HOME: folder, GPUJOB_HOME: home, ...environment },
  });
  onTestFinished(() => gpujob.close());
  return gpujob;
}

/** Collects the log of a run and tells when a line is there. */
function readLog(run: SubmittedRun): {
  readonly text: () => string;
  readonly until: (line: string) => Promise<void>;
} {
  const chunks: Uint8Array[] = [];
  const waiting = new Set<() => void>();
  const text = (): string => Buffer.concat(chunks).toString();
  const collect = async (): Promise<void> => {
    for await (const event of run.events) {
      const seen: RunEvent = event;
      if (seen.type === "log") chunks.push(seen.bytes);
      for (const look of waiting) look();
    }
  };
  void collect();
  return {
    text,
    until: (line) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (!text().includes(line)) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
  };
}

const job = {
  name: "wanderer",
  resources: { gpu: "RTX4090D,RTX4090" },
  market: "auto",
  platforms: { prefer: ["autodl", "compshare", "rented"] },
  checkpoint: { path: "ckpt", every: "2s" },
  outputs: ["result"],
  run: `mkdir -p ckpt; i=$(cat ckpt/step 2>/dev/null || echo 0)
echo "begin at $i on $GPUJOB_PLATFORM, resumed=$GPUJOB_RESUME"
while [ "$i" -lt 30 ]; do
  i=$((i + 1)); echo "step $i"; sleep 1
  if [ $((i % 5)) = 0 ]; then echo "$i" > ckpt/new; mv ckpt/new ckpt/step; fi
done
echo "$i" > result`,
};

describe("a run on a machine that was pasted from a console", () => {
  it("needs no configuration, and bills by the sheet until its user vouches for its end", async ({
    expect,
  }) => {
    const own = await startMachine("root", "pastedpassword");
    const gpujob = await openHome({}, { GPUJOB_HOST_PASSWORD: "pastedpassword" });
    const input = {
      host: `ssh -p ${own.port} root@${own.host}`,
      sheet: "gpushare/rtx4090",
      job: { name: "pasted", run: "echo hello; exit 5" },
    };
    const plan = await gpujob.plan(input, wait);
    expect(plan.worstCase).toContain("until you end the machine yourself");
    const run = await gpujob.submit(input, wait);
    const view = await run.result;
    expect(view).toMatchObject({ state: "failed", exitCode: 5, billing: "by-hand" });
    const [byHand] = (await gpujob.audit({}, wait)).byHand;
    expect(byHand).toMatchObject({ endAt: "the instance page of https://gpushare.com" });
    expect(byHand?.note).toContain("1d after you stop it, /hy-tmp is wiped.");
    const after = await gpujob.audit({ ended: byHand?.leaseId ?? "" }, wait);
    expect(after.byHand).toEqual([]);
    expect(after.reminders?.join(" ")).toContain("the machine is deleted");
    const { lines } = await gpujob.cost({ run: run.id });
    expect(lines).toHaveLength(1);
    expect(lines[0]?.billedSeconds).toBeLessThan(120);
    await expect(gpujob.plan({ job: input.job, sheet: input.sheet }, wait)).rejects.toMatchObject({
      failure: { kind: "usage" },
    });
  });
});

describe("two runs on one rented machine", () => {
  it("pay for an hour once", async ({ expect }) => {
    const own = await startMachine("root", "rentedpassword");
    const gpujob = await openHome(
      {
        platforms: {
          rented: {
            adapter: "rented",
            hosts: [
              {
                ssh: `ssh -p ${own.port} root@${own.host}`,
                password: { env: "RENTED_PASSWORD" },
                sheet: "mornai/rtx4090",
              },
            ],
          },
        },
      },
      { RENTED_PASSWORD: "rentedpassword" },
    );
    const submit = async (name: string): Promise<string> => {
      const run = await gpujob.submit({ job: { name, run: "true" } }, wait);
      expect(await run.result).toMatchObject({ exitCode: 0, billing: "by-hand" });
      return run.id;
    };
    const first = await submit("first");
    const second = await submit("second");
    // Nobody has to ask for an audit.
    const isClosed = async (): Promise<boolean> =>
      (await gpujob.showRun(first)).billing === "ended";
    await vi.waitUntil(isClosed, { timeout: 30_000, interval: 200 });
    const { byHand } = await gpujob.audit({}, wait);
    expect(byHand.map(({ runId }) => runId)).toEqual([second]);
    expect(await gpujob.showRun(first)).toMatchObject({
      billing: "ended",
      cost: { micros: 2_200_000 },
    });
    expect(await gpujob.showRun(second)).toMatchObject({ billing: "by-hand", cost: { micros: 0 } });
    await gpujob.audit({ ended: byHand[0]?.leaseId ?? "" }, wait);
    expect((await gpujob.cost({})).total).toEqual({ currency: "CNY", micros: 2_200_000 });
  });
});

describe("a run over rental platforms", () => {
  it("goes from one without stock over a reclaimed one to one rented by hand, and tells the money truly", async ({
    expect,
  }) => {
    const [spot, own] = await Promise.all([
      startMachine("root", "spotpassword"),
      startMachine("linux", "mornaipassword"),
    ]);
    const autodl = await startFakeAutodl({ soldOut: ["4090D", "v-48g", "v-48g-350w"] });
    onTestFinished(() => autodl.close());
    const compshare = await startFakeCompshare({
      ssh: { host: spot.host, port: spot.port, user: "root", password: "spotpassword" },
    });
    onTestFinished(() => compshare.close());
    const gpujob = await openHome(
      {
        platforms: {
          autodl: { adapter: "autodl", token: { env: "AUTODL_TOKEN" }, endpoint: autodl.url },
          compshare: {
            adapter: "compshare",
            publicKey: { env: "COMPSHARE_PUBLIC" },
            privateKey: { env: "COMPSHARE_PRIVATE" },
            endpoint: compshare.url,
            regions: ["cn-wlcb"],
          },
          rented: {
            adapter: "rented",
            hosts: [
              {
                ssh: `ssh -p ${own.port} linux@${own.host}`,
                password: { env: "MORNAI_PASSWORD" },
                sheet: "mornai/rtx4090",
              },
            ],
          },
        },
      },
      {
        AUTODL_TOKEN: autodlToken,
        COMPSHARE_PUBLIC: publicKey,
        COMPSHARE_PRIVATE: privateKey,
        MORNAI_PASSWORD: "mornaipassword",
      },
    );
    const run = await gpujob.submit({ job }, wait);
    const log = readLog(run);
    await log.until("step 14\n");
    // The platform takes the machine back without a word, and has no other one.
    for (const { id, charge } of compshare.machines()) if (charge === "Spot") compshare.reclaim(id);
    compshare.answerAlways("CreateCompShareInstance", {
      json: { Action: "Response", RetCode: 226604, Message: "资源不足，请稍后重试" },
    });
    await spot.kill();

    const view = await run.result;
    expect(view).toMatchObject({ state: "succeeded", exitCode: 0, billing: "by-hand" });
    expect(view.platform).toBe("rented");
    const platforms = view.attempts.map(({ platform }) => platform);
    expect([...new Set(platforms)]).toEqual(["autodl", "compshare", "rented"]);
    const resumed = Number(/begin at (\d+) on rented, resumed=1/.exec(log.text())?.[1]);
    expect(resumed).toBeGreaterThanOrEqual(5);

    const { lines } = await gpujob.cost({ run: run.id });
    const of = (platform: string) => lines.filter((line) => line.platform === platform);
    expect(of("autodl")).toEqual([]);
    expect(autodl.bills()).toEqual([]);
    const [metered] = of("compshare");
    const [bill] = compshare.bills();
    const usedSeconds = ((bill?.stoppedAt ?? 0) - (bill?.startedAt ?? 0)) / 1000;
    expect(of("compshare")).toHaveLength(1);
    expect(metered?.billedSeconds).toBeGreaterThanOrEqual(Math.floor(usedSeconds));
    // It was reclaimed without notice: our end is when its absence was first seen.
    expect(metered?.billedSeconds).toBeLessThan(usedSeconds + 30);
    expect(metered?.amount.micros).toBe(
      Math.round(((bill?.price ?? 0) * 1e6 * (metered?.billedSeconds ?? 0)) / 3600),
    );
    expect(of("rented")).toMatchObject([
      { billedSeconds: 3600, amount: { currency: "CNY", micros: 2_200_000 } },
    ]);

    const audit = await gpujob.audit({}, wait);
    expect(audit).toMatchObject({ billing: [], unconfirmed: [], unknown: [], missing: [] });
    const [byHand] = audit.byHand;
    expect(byHand).toMatchObject({
      platform: "rented",
      runId: run.id,
      endAt: "the console of https://www.mornai.cn",
    });
    expect(byHand?.note).toMatch(/the next hour begins and costs 2.20 CNY/);
    expect((await gpujob.showRun(run.id)).notes?.join(" ")).toContain("audit --ended");

    // The machine is free again, though it bills: the next run may have it.
    const offers = await gpujob.offers({ platforms: ["rented"] }, wait);
    expect(offers.offers).toMatchObject([{ availability: 1 }]);
    const after = await gpujob.audit({ ended: byHand?.leaseId ?? "" }, wait);
    expect(after.byHand).toEqual([]);
    expect(await gpujob.showRun(run.id)).toMatchObject({ billing: "ended", exitCode: 0 });
    expect((await gpujob.cost({ run: run.id })).lines).toHaveLength(2);
  });
});
