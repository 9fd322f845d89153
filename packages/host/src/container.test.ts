import { existsSync } from "node:fs";
import { describe, it, vi } from "vitest";
import type { TestHost } from "./testing/test-host.ts";
import { createPlan, createTestHost, readLog, untilBeat } from "./testing/test-host.ts";

// Real processes on a computer that may be busy.
vi.setConfig({ testTimeout: 60_000 });

const { signal } = new AbortController();

/**
 * A Docker that writes down what it is told, and whose containers end at once. The real one is in
 * `test/containers/docker-image.test.ts`.
 */
function addDocker(host: TestHost, options: { readonly hasImage: boolean }): void {
  host.addTool("sudo", 'shift; exec "$@"');
  host.addTool(
    "docker",
    `shift 2
echo "$*" >>${host.folder}/told
case $1 in
  --config) cat "$2/config.json" >>${host.folder}/login; stat -c %a "$2/config.json" "$2" >>${host.folder}/login ;;
  image) exit ${options.hasImage ? 0 : 1} ;;
  pull) exit 1 ;;
  wait) echo 4 ;;
  inspect) case "$*" in *Pid*) echo 0 ;; *) echo false ;; esac ;;
esac
exit 0`,
  );
}

async function runToEnd(host: TestHost, image: string, login?: { user: string; password: string }) {
  const container = { image, mounts: ["/tmp"], ...(login === undefined ? {} : { login }) };
  const plan = createPlan("echo never", { container, secrets: { TOKEN: "canary" } });
  await host.session.prepare(host.attempt, plan, { signal });
  await host.session.start(host.attempt, { signal });
  return untilBeat(host.session, host.attempt, ({ state }) => state === "ended", 40_000);
}

describe("a job in a container", () => {
  it("has the machine's cards, network and folders, and no secret among Docker's words", async ({
    expect,
  }) => {
    await using host = createTestHost("dash");
    addDocker(host, { hasImage: true });
    host.addTool("nvidia-smi", "exit 0");
    host.addTool("nvidia-container-runtime-hook", "exit 0");
    const end = await runToEnd(host, "team/train:1", { user: "robot", password: "hidden" });
    // Nothing of it began.
    expect(end.exit).toMatchObject({ code: 4, reason: "setup" });
    expect(readLog(host, host.attempt)).toContain("ended with code 4 before the job began");
    const told = host.read("told");
    const folder = `${host.root}/attempts/${host.attempt.runId}-1-0`;
    const [run = ""] = told.split("\n").filter((line) => line.startsWith("run "));
    expect(run).toContain(`--name gpujob-${host.attempt.runId}-1-0 `);
    for (const words of [
      "--gpus all",
      "--network host",
      "--ipc host",
      "--init",
      "--ulimit memlock=-1:-1",
      "--mount type=bind,source=/tmp,target=/tmp",
      `--mount type=bind,source=${folder},target=${folder}`,
      `--mount type=bind,source=${host.root}/cache,target=${host.root}/cache`,
    ]) {
      expect(run).toContain(words);
    }
    expect(run).toMatch(/ team\/train:1 \S+supervisor\.sh inside \S+$/);
    expect(told).not.toMatch(/canary|hidden/);
    // The image was there: nobody needed to log in.
    expect(existsSync(`${host.folder}/login`)).toBe(false);
    expect(existsSync(`${folder}/control/plan/registry`)).toBe(false);
    expect(told).toContain(`rm -f -v gpujob-${host.attempt.runId}-1-0`);
  });

  it("is given the cards by the standard for devices where NVIDIA's hook is not there", async ({
    expect,
  }) => {
    await using host = createTestHost("busybox");
    addDocker(host, { hasImage: true });
    host.addTool("nvidia-smi", "exit 0");
    await runToEnd(host, "train");
    expect(host.read("told")).toContain("--device nvidia.com/gpu=all");
    expect(host.read("told")).not.toContain("--gpus");
  });

  it("logs in to the registry of its image for the fetch alone, by a file of its own", async ({
    expect,
  }) => {
    for (const [image, registry] of [
      ["registry.example:5000/team/train:1", "registry.example:5000"],
      ["team/train", "https://index.docker.io/v1/"],
    ] as const) {
      await using host = createTestHost("dash");
      addDocker(host, { hasImage: false });
      await runToEnd(host, image, { user: "robot", password: "hidden" });
      const [config = "", fileMode, folderMode] = host
        .read("login")
        .trim()
        .split(/\n|(?<=\})(?=\d)/);
      const auth = Buffer.from("robot:hidden").toString("base64");
      expect(JSON.parse(config)).toEqual({ auths: { [registry]: { auth } } });
      expect([fileMode, folderMode]).toEqual(["600", "700"]);
      expect(host.read("told")).toMatch(/^--config \S+ pull /m);
      const control = host.control(host.attempt);
      expect(existsSync(`${control}/docker`)).toBe(false);
      expect(existsSync(`${control}/plan/registry`)).toBe(false);
    }
  });

  it("fails as a set-up does where its image cannot be fetched, with Docker's words", async ({
    expect,
  }) => {
    await using host = createTestHost("dash");
    addDocker(host, { hasImage: false });
    const end = await runToEnd(host, "far/away:1");
    expect(end.exit).toMatchObject({ reason: "setup" });
    expect(readLog(host, host.attempt)).toContain("the image far/away:1 could not be fetched");
    expect(host.read("told").match(/^pull /gm)).toHaveLength(3);
  });
});
