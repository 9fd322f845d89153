import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { generateKeyPair } from "@gpujob/ssh";
import { afterAll, beforeAll, describe, it, onTestFinished } from "vitest";
import { makeFaultHome, until } from "../faults/support/fault-home.ts";
import type { FaultHome } from "../faults/support/fault-home.ts";
import { removeTestContainers, startSshHost } from "../support/ssh-hosts.ts";
import type { SshHost } from "../support/ssh-hosts.ts";

let host: SshHost;
let privateKey = "";

beforeAll(async () => {
  const key = await generateKeyPair();
  privateKey = key.privateKey;
  host = await startSshHost({
    image: "busybox",
    users: [{ name: "student", authorizedKey: key.publicKey }],
  });
});
afterAll(() => removeTestContainers());

const job = `name: crash
workdir: .
run: |
  echo started >> "$GPUJOB_OUTPUT_DIR/starts"
  echo one; sleep 2; echo two
  exit 3
`;

async function makeHome(): Promise<FaultHome> {
  const login = `ssh: "student@${host.host}:${host.port}", key: ../key`;
  const config = `platforms:\n  lab: { adapter: ssh-host, hosts: [{ ${login}, hostKey: "${host.hostKeyFingerprint}" }] }\n`;
  const home = await makeFaultHome({ config, jobs: { "job.yaml": job } });
  onTestFinished(() => home.remove());
  await writeFile(join(home.home, "key"), privateKey, { mode: 0o600 });
  const absolute = config.replace("../key", join(home.home, "key"));
  await writeFile(join(home.home, "state", "config.yaml"), absolute, { mode: 0o600 });
  return home;
}

/** What came of a run whose drivers were killed at these points, one after the other. */
async function runWithCrashes(
  points: readonly string[],
): Promise<Readonly<Record<string, unknown>>> {
  const home = await makeHome();
  const [first = "", second] = points;
  const submitted = await home.run(["submit", "job.yaml", "-y"], { GPUJOB_CRASH_AT: first });
  if (second !== undefined) {
    await home.run(["ps"], { GPUJOB_CRASH_AT: second });
    await until("the second driver is killed", () =>
      home.look(async (gpujob) => (await gpujob.showRun(undefined)).driver?.alive === false),
    );
  }
  await home.run(["ps"]);
  const { code } = await home.run(["wait", "--timeout", "90s"]);
  const { id, state, attempts } = await home.look((gpujob) => gpujob.showRun(undefined));
  const starts = await readFile(join(home.cwd, "outputs", id, "starts"), "utf8");
  const { out: log } = await home.run(["logs"]);
  const isKilled = submitted.signal === "SIGKILL";
  return { isKilled, code, state, attempts: attempts.length, starts, log };
}

// All points and pairs run on the simulated market; here a sample on a host of one's own, where no API proves an end.
const samples: readonly (readonly string[])[] = [
  ["sent:create-lease"],
  ["sent:start-job"],
  ["sent:collect-outputs"],
  ["sent:release-lease"],
  ["sent:upload", "sent:start-job"],
  ["after-commit:job-started", "sent:end-host"],
];

describe("a driver that is killed while it works on a real OpenSSH host", () => {
  for (const points of samples) {
    it(`at ${points.join(", then the next one at ")}, changes nothing of the end`, async ({
      expect,
    }) => {
      expect(await runWithCrashes(points)).toEqual({
        isKilled: true,
        code: 3,
        state: "failed",
        attempts: 1,
        starts: "started\n",
        log: "one\ntwo\n",
      });
    });
  }
});
