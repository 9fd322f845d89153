import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readStored } from "@gpujob/engine";
import { createGpujob } from "@gpujob/sdk";
import type { CostReport } from "@gpujob/sdk";
import type { RunView } from "@gpujob/spec";
import { afterAll, describe, it, onTestFinished } from "vitest";
import type { ExpectStatic } from "vitest";
import { runGpujob } from "../../cli/support/gpujob.ts";
import { removeTestContainers } from "../../support/ssh-hosts.ts";
import type { CloudKind, CloudLab } from "./cloud-lab.ts";
import { makeCloudHome } from "./cloud-lab.ts";

interface Envelope<Data> {
  readonly data: Data;
}

async function readJson<Data>(home: string, lab: CloudLab, ...argv: string[]): Promise<Data> {
  const { out } = await runGpujob([...argv, "--json"], { home, environment: lab.environment });
  return readStored<Envelope<Data>>(out).data;
}

async function submit(
  home: string,
  lab: CloudLab,
  job: string,
  environment: Readonly<Record<string, string>> = {},
): ReturnType<typeof runGpujob> {
  await writeFile(join(home, "job.yaml"), job);
  return runGpujob(["submit", "job.yaml", "-y"], {
    home,
    environment: { ...lab.environment, ...environment },
    timeoutMs: 200_000,
  });
}

/** The ledger is what the meter says, within a second for each machine. */
async function expectFair(expect: ExpectStatic, home: string, lab: CloudLab): Promise<void> {
  const { lines } = await readJson<CostReport>(home, lab, "cost");
  const bills = lab.market.bills();
  expect(bills.every(({ to }) => to !== undefined)).toBe(true);
  const seconds = (all: readonly number[]): number => all.reduce((sum, each) => sum + each, 0);
  const ours = seconds(lines.map(({ billedSeconds }) => billedSeconds));
  const theirs = seconds(bills.map((bill) => bill.seconds));
  expect(Math.abs(ours - theirs)).toBeLessThanOrEqual(bills.length);
  // And a second costs the same.
  const paid = lines.reduce((sum, { amount }) => sum + amount.micros, 0);
  const perSecond = seconds(bills.map(({ micros }) => micros)) / theirs;
  expect(Math.abs(paid - perSecond * ours)).toBeLessThanOrEqual(2 * bills.length);
}

const trainer = (gpu: string): string => `name: trainer
resources: { gpu: ${gpu} }
outputs: [result]
run: |
  echo "on $GPUJOB_PLATFORM"
  echo started >> "$GPUJOB_OUTPUT_DIR/starts"
  sleep 2; echo 42 > result
`;

const saver = (gpu: string) => ({
  name: "saver",
  resources: { gpu },
  market: "spot" as const,
  checkpoint: { path: "ckpt", every: "60s", grace: "20s" },
  run: `mkdir -p ckpt; i=$(cat ckpt/step 2>/dev/null || echo 0)
save() { echo "$i" > ckpt/new; mv ckpt/new ckpt/step; echo "saved $i"; exit 0; }
trap save TERM
echo "begin at $i, resumed=$GPUJOB_RESUME"
while [ "$i" -lt 25 ]; do i=$((i + 1)); echo "step $i"; sleep 1 & wait $!; done
echo done`,
});

/** As torchrun meets: all ranks come to the first one's address and port, and each is told of all. */
const meeting = `import os, socket, time
rank, size = int(os.environ["GPUJOB_NODE_RANK"]), int(os.environ["GPUJOB_NUM_NODES"])
place = (os.environ["GPUJOB_MASTER_ADDR"], int(os.environ["GPUJOB_MASTER_PORT"]))
if rank == 0:
    server = socket.create_server(("", place[1]))
    there = [server.accept()[0] for _ in range(size - 1)]
    ranks = sorted([0] + [int(each.recv(9)) for each in there])
    for each in there: each.sendall(str(ranks).encode())
else:
    for _ in range(300):
        try: link = socket.create_connection(place, 5); break
        except OSError: time.sleep(0.2)
    link.sendall(str(rank).encode())
    ranks = link.recv(99).decode()
print("rank", rank, "met", ranks, flush=True)`;

const gang = ({ fast }: CloudKind): string => `name: gang
resources: { gpu: "${fast.gpu}", nodes: 3, fabric: rdma }
run: |
  cat >meet.py <<'END'
  ${meeting.replaceAll("\n", "\n  ")}
  END
  python3 meet.py
`;

/** Everything that a run must do on each cloud, through its SDK, its emulator and real machines. */
export function describeCloudRuns(kind: CloudKind): void {
  const { name, type, zones, stockOf } = kind;
  const [first, second] = zones;
  const offers = (market: string): readonly string[] =>
    zones.map((zone) => `${zone}/${type}/${market}`);
  afterAll(() => removeTestContainers());

  describe(`a run on ${kind.title}`, () => {
    it("goes from a zone without capacity to the next one, brings its outputs home and pays what the meter says", async ({
      expect,
    }) => {
      const lab = await kind.start([stockOf(first, kind.firstZoneCount), stockOf(second, 2)]);
      const home = await makeCloudHome(lab);
      lab.refuseNextLaunch?.();
      const { code, out, err } = await submit(home, lab, trainer(kind.gpu));
      expect(err).toContain(first);
      expect(code).toBe(0);
      expect(out).toBe(`on ${name}\n`);
      const run = await readJson<RunView>(home, lab, "show");
      expect(run).toMatchObject({ state: "succeeded", exitCode: 0, billing: "ended" });
      expect(run.attempts.map(({ offerId }) => offerId)).toEqual(offers("on-demand"));
      expect(await readFile(join(home, "outputs", run.id, "result"), "utf8")).toBe("42\n");
      // The full zone was asked once: no retry of the SDK knocked again.
      expect(kind.launchesOf(lab.requests)).toHaveLength(2);
      const { lines } = await readJson<CostReport>(home, lab, "cost");
      expect(lines.map(({ amount }) => amount.currency)).toEqual([kind.currency]);
      expect(lab.market.bills()).toHaveLength(1);
      await expectFair(expect, home, lab);
      expect(lab.leftovers()).toEqual([]);
      const audit = await readJson<{ readonly billing: unknown[]; readonly unknown: unknown[] }>(
        home,
        lab,
        "audit",
      );
      expect(audit).toMatchObject({ billing: [], unknown: [] });
    });

    it("makes one machine when the answer to the launch is lost", async ({ expect }) => {
      const lab = await kind.start([stockOf(first, 5)]);
      const home = await makeCloudHome(lab);
      lab.loseNextCreateReply();
      const { code, err } = await submit(home, lab, trainer(kind.gpu));
      expect(err).not.toBe("");
      expect(code).toBe(0);
      const tokens = kind.launchesOf(lab.requests).map(({ token }) => token);
      expect(tokens.length).toBeGreaterThan(1);
      expect(new Set(tokens).size).toBe(1);
      expect(lab.market.bills()).toHaveLength(1);
      expect(lab.hosts.size).toBe(1);
      expect((await readJson<RunView>(home, lab, "show")).attempts).toHaveLength(1);
    });

    it("makes one machine when the driver is killed between the launch and its note of it", async ({
      expect,
    }) => {
      const lab = await kind.start([stockOf(first, 5)]);
      const home = await makeCloudHome(lab);
      const crash = { GPUJOB_CRASH_AT: "sent:create-lease" };
      const killed = await submit(home, lab, trainer(kind.gpu), crash);
      expect(killed, killed.err).toMatchObject({ signal: "SIGKILL" });
      expect(lab.market.bills().length).toBeLessThanOrEqual(1);
      const { environment } = lab;
      const waited = await runGpujob(["wait"], { home, environment, timeoutMs: 200_000 });
      expect(waited.code).toBe(0);
      const run = await readJson<RunView>(home, lab, "show");
      expect(run).toMatchObject({ state: "succeeded", billing: "ended" });
      expect(await readFile(join(home, "outputs", run.id, "starts"), "utf8")).toBe("started\n");
      expect(lab.market.bills()).toHaveLength(1);
      expect(lab.hosts.size).toBe(1);
      await expectFair(expect, home, lab);
    });

    it("of three nodes stands in one zone, has the fabric that it demands, and all ranks meet", async ({
      expect,
    }) => {
      const { fast } = kind;
      const lab = await kind.start([
        stockOf(first, 3, { type: fast.type, pricePerHour: 8 }),
        stockOf(second, 3, { type: fast.type, pricePerHour: 8 }),
      ]);
      const home = await makeCloudHome(lab);
      const { code, out, err } = await submit(home, lab, gang(kind));
      expect({ code, err }).toMatchObject({ code: 0 });
      for (const rank of [0, 1, 2]) expect(out).toContain(`rank ${rank} met [0, 1, 2]`);
      const bills = lab.market.bills();
      expect(bills.map(({ zone }) => zone)).toEqual([first, first, first]);
      expect(kind.launchesOf(lab.requests).map(({ hasFabric }) => hasFabric)).toEqual([
        true,
        true,
        true,
      ]);
      await expectFair(expect, home, lab);
      expect(lab.leftovers()).toEqual([]);
    });

    it("is refused before anything is rented where no machine has the fabric that it demands", async ({
      expect,
    }) => {
      const lab = await kind.start([stockOf(first, 3)]);
      const home = await makeCloudHome(lab);
      const job = `resources: { gpu: ${kind.gpu}, nodes: 2, fabric: rdma }\nrun: echo no\n`;
      const { code, err } = await submit(home, lab, job);
      expect(code).toBe(114);
      expect(err).toContain("ethernet between nodes, rdma asked for");
      expect(kind.launchesOf(lab.requests)).toEqual([]);
    });
  });

  describe(`a spot machine with a notice on ${kind.title}`, () => {
    it("saves, has its replacement on the way within 10 s, and runs nothing twice", async ({
      expect,
    }) => {
      const spot = { market: "spot", pricePerHour: 0.7 } as const;
      const lab = await kind.start([
        stockOf(first, 1, spot),
        stockOf(second, 1, { ...spot, pricePerHour: 0.8 }),
      ]);
      const { text, view, replacedAfterMs } = await runWithNotice(kind, lab);
      expect(view).toMatchObject({ state: "succeeded", exitCode: 0, billing: "ended" });
      expect(view.attempts.map(({ offerId }) => offerId)).toEqual(offers("spot"));
      expect(replacedAfterMs).toBeLessThan(10_000);
      const saved = Number(/saved (\d+)/.exec(text)?.[1]);
      const resumed = Number(/begin at (\d+), resumed=1/.exec(text)?.[1]);
      expect(saved).toBeGreaterThanOrEqual(6);
      expect(resumed).toBe(saved);
      const steps = [...text.matchAll(/step (\d+)\n/g)].map(([, step]) => Number(step));
      expect(steps).toEqual(Array.from({ length: 25 }, (_, index) => index + 1));
      expect(lab.market.bills()).toHaveLength(2);
      expect(lab.market.bills().every(({ to }) => to !== undefined)).toBe(true);
      expect(lab.leftovers()).toEqual([]);
    });
  });
}

/** Runs a job that saves, and announces the end of its machine at its sixth step. */
async function runWithNotice(
  kind: CloudKind,
  lab: CloudLab,
): Promise<{ readonly text: string; readonly view: RunView; readonly replacedAfterMs: number }> {
  const home = await makeCloudHome(lab);
  const gpujob = createGpujob({
    home: join(home, "state"),
    cwd: home,
    environment: { PATH: process.env["PATH"], HOME: home, ...lab.environment },
  });
  onTestFinished(() => gpujob.close());
  const run = await gpujob.submit(
    { job: saver(kind.gpu) },
    { signal: AbortSignal.timeout(280_000) },
  );
  let text = "";
  let noticedAt: number | undefined;
  let replacedAt: number | undefined;
  const collect = async (): Promise<void> => {
    for await (const event of run.events) {
      if (event.type === "log") text += Buffer.from(event.bytes).toString();
      if (noticedAt === undefined && text.includes("step 6\n")) {
        noticedAt = Date.now();
        for (const { id } of lab.market.bills()) lab.market.announce(id, kind.noticeMs);
      }
      if (kind.launchesOf(lab.requests).length > 1) replacedAt ??= Date.now();
    }
  };
  const [view] = await Promise.all([run.result, collect()]);
  const replacedAfterMs = (replacedAt ?? Number.POSITIVE_INFINITY) - (noticedAt ?? 0);
  return { text, view, replacedAfterMs };
}
