import { createServer } from "node:http";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it, onTestFinished } from "vitest";
import type { Canary } from "./support/canary.ts";
import { findCanaries, makeCanary, searchFolder } from "./support/canary.ts";
import { makeFaultHome, until } from "./support/fault-home.ts";
import type { FaultHome } from "./support/fault-home.ts";
import { readProcesses, withDescendants } from "./support/processes.ts";

/** Says each secret in every form that a job could, also cut in two, and runs on until it is let go. */
const job = `name: talker
resources: { gpu: RTX4090 }
secrets:
  BY_ENV: { env: CANARY_ENV }
  BY_FILE: { file: FILE }
  BY_COMMAND: { command: "cat COMMAND" }
retry: { failures: 0 }
run: |
  echo $$ > TRUTH/job.new; mv TRUTH/job.new TRUTH/job
  sleep 300 & child=$!
  for each in "$BY_ENV" "$BY_FILE" "$BY_COMMAND"; do
    echo "plain $each"; printf '%s' "$each" | base64 -w 0; echo
    printf '%s' "\${each%%+*}"; sleep 0.7; printf '%s\\n' "+\${each#*+}"
  done
  while [ ! -e TRUTH/go ]; do sleep 0.1; done
  kill $child
  exit 3
`;

interface Planted {
  readonly home: FaultHome;
  readonly canaries: readonly Canary[];
  /** Of the job and of platforms; only the first may be known to the job. */
  readonly environment: Readonly<Record<string, string>>;
  /** Everything that gpujob said, as it comes. */
  readonly said: string[];
  readonly call: (
    words: readonly string[],
    more?: Readonly<Record<string, string>>,
  ) => Promise<void>;
}

/** A platform that answers every call with an error that repeats all it was told. */
async function startEcho(): Promise<string> {
  const server = createServer((request, response) => {
    response.writeHead(request.url?.includes("image") === true ? 500 : 401, {
      "content-type": "text/plain",
    });
    response.end(`${request.method} ${request.url} ${JSON.stringify(request.headers)}`);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  return `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
}

async function plant(): Promise<Planted> {
  const canaries = ["env", "file", "command", "token", "password"].map(makeCanary);
  const valueOf = (name: string): string =>
    canaries.find((canary) => canary.name === name)?.value ?? "";
  const config = `platforms:
  cheap:
    adapter: mock
    offers: [{ type: a, gpu: "RTX4090:24GB:1", price: 3.6 CNY/h }]
  echo: { adapter: autodl, token: { env: CANARY_TOKEN }, endpoint: "${await startEcho()}" }
  closed:
    adapter: ssh-host
    hosts: [{ ssh: "root@127.0.0.1:9", gpu: "RTX4090:24GB:1", password: { env: CANARY_PASSWORD }, hostKey: accept-new }]
`;
  const home = await makeFaultHome({ config, jobs: {} });
  onTestFinished(() => home.remove());
  const place = (name: string): string => join(home.home, "secrets", name);
  await mkdir(join(home.home, "secrets"), { mode: 0o700 });
  await mkdir(join(home.home, "tmp"));
  for (const name of ["file", "command"])
    await writeFile(place(name), valueOf(name), { mode: 0o600 });
  const text = job
    .replaceAll("TRUTH", home.truth)
    .replace("FILE }", `${place("file")} }`)
    .replace('COMMAND"', `${place("command")}"`);
  await writeFile(join(home.cwd, "job.yaml"), text);
  const environment = {
    CANARY_ENV: valueOf("env"),
    CANARY_TOKEN: valueOf("token"),
    CANARY_PASSWORD: valueOf("password"),
    TMPDIR: join(home.home, "tmp"),
  };
  const said: string[] = [];
  return {
    home,
    canaries,
    environment,
    said,
    async call(words, more = {}) {
      const { out, err } = await home.run(words, { ...environment, ...more });
      said.push(`${words.join(" ")}\n${out}\n${err}`);
    },
  };
}

/** Secrets in processes that are not meant to have them, and which secrets the job's own processes have. */
async function searchProcesses({
  home,
  canaries,
}: Planted): Promise<{ readonly strays: readonly string[]; readonly inJob: readonly string[] }> {
  const all = readProcesses();
  const [jobPid = ""] = await home.readTruth("job");
  const family = withDescendants(all, Number(jobPid));
  const ofJob = canaries.filter(({ name }) => ["env", "file", "command"].includes(name));
  const ofShell = canaries.filter(({ name }) => ["env", "token", "password"].includes(name));
  const strays = all.flatMap(({ pid, argv, environment }) => {
    // What stands in the user's own environment is in every gpujob that was started from it, and in nothing else.
    const isOurs = / (submit|drive|wait|ps) /.test(argv) && environment.includes(home.home);
    const meant = isOurs ? ofShell : family.has(pid) ? ofJob : [];
    const barred = canaries.filter((canary) => !meant.includes(canary));
    return [
      ...findCanaries(canaries, argv).map((hit) => `argv of ${argv}: ${hit}`),
      ...findCanaries(barred, environment).map((hit) => `environment of ${argv}: ${hit}`),
    ];
  });
  const ownEnvironments = all.filter(({ pid }) => family.has(pid));
  const inJob = ofJob.filter((canary) =>
    ownEnvironments.some(({ environment }) => findCanaries([canary], environment).length > 0),
  );
  return { strays, inJob: inJob.map(({ name }) => name) };
}

/** What the job printed itself stands in its raw log, there and here, closed to others; the sources are the secrets' own place. */
function searchHome({ home, canaries }: Planted): readonly string[] {
  const isAllowed = (path: string): boolean =>
    /\/runs\/[^/]+\/logs\/\d+-\d+\.log$|\/control\/log$/.test(path) ||
    path.startsWith(join(home.home, "secrets"));
  return searchFolder(canaries, home.home, isAllowed);
}

describe("secrets of a run and of platforms", () => {
  it("are in no argument, process, file, log or word of ours, whatever fails or dies", async ({
    expect,
  }) => {
    const planted = await plant();
    const { home, environment } = planted;
    await planted.call(["plan", "job.yaml", "--json"]);
    await planted.call(["doctor"]);
    await planted.call(["offers", "--json"]);
    await planted.call(["config", "--json"]);
    await planted.call(["submit", "job.yaml", "-y"], {
      GPUJOB_CRASH_AT: "after-commit:job-started",
    });
    await planted.call(["ps"]);
    await until("the job has said all", async () => {
      const log = home.run(["logs"], environment);
      return (await log).out.split("plain").length === 4 && (await log).out.endsWith("\n");
    });
    expect(await searchProcesses(planted)).toEqual({
      strays: [],
      inJob: ["env", "file", "command"],
    });
    expect(searchHome(planted)).toEqual([]);
    const follower = home.start(["logs", "-f"], environment);
    await planted.call(["exec", "talker", "--", "true"]);
    await writeFile(join(home.truth, "go"), "");
    const followed = await follower.result;
    planted.said.push(followed.out, followed.err);
    await planted.call(["wait", "--json"]);
    await planted.call(["show", "--json"]);
    await planted.call(["show", "--receipt", "--json"]);
    await planted.call(["logs", "--json"]);
    await planted.call(["logs", "--events"]);
    await planted.call(["audit", "--json"]);
    await planted.call(["ps", "-a", "--json"]);
    expect(planted.said.at(-1)).toContain('"exitCode":3');
    // The job really said them, and they are really kept where they are meant to be.
    expect(followed.out).toContain("plain [secret]");
    expect(planted.said.flatMap((text) => findCanaries(planted.canaries, text))).toEqual([]);
    expect(searchHome(planted)).toEqual([]);
  });
});
