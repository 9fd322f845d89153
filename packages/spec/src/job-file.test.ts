import { describe, it } from "vitest";
import { GpujobError } from "./errors.ts";
import { type JobFileInput, parseJobFile } from "./job-file.ts";

const names: ReadonlyMap<string, string> = new Map([
  ["4090", "RTX4090"],
  ["a100", "A100"],
  ["h100", "H100"],
]);
const base = {
  path: "/home/ada/project/train.yaml",
  resolveName: (text: string) => names.get(text.toLowerCase()),
  home: "/home/ada",
};

function parse(text: string, more: Partial<JobFileInput> = {}) {
  return parseJobFile({ ...base, text, ...more });
}

/** The message of the error, as a user reads it. */
function complaint(text: string, more: Partial<JobFileInput> = {}): string {
  try {
    parse(text, more);
  } catch (error) {
    if (GpujobError.is(error) && error.kind === "spec_invalid") return error.message;
    throw error;
  }
  return "accepted";
}

const everything = `
name: qwen-lora
resources:
  gpu: "A100,H100:80GB:1"
  nodes: 1
  interconnect: nvlink
  fabric: rdma:100Gbps..
  cpu: 8
  memory: 64GB
  disk: 200GB
market: spot
region: ["cn-*"]
residency: cn
platforms: { allow: [autodl, lab], deny: [], prefer: [] }
image: { autodl: pytorch-2.8, default: pytorch-2.7 }
workdir: .
files:
  data/train.jsonl: ./train.jsonl
  /data/a: host:/shared/a
  b.bin: https://example.org/b.bin
  c: run:r-k3v9x2/model/c
env: { EPOCHS: "3", LR: 3, WANDB_PROJECT: }
secrets: [HF_TOKEN]
setup: pip install -r requirements.txt
run: python train.py --epochs "$EPOCHS"
outputs: ["adapter/**", metrics.json]
checkpoint: { path: ckpt, every: 5m, signal: SIGTERM, grace: 60s, store: local, keep: 2 }
expectedTime: 2h
limits: { budget: 50 CNY, price: 3 CNY/h, time: 6h, hold: 8h }
retry: { interruptions: 5, failures: 0, rules: [{ exitCode: 42, action: retry }, { on: oom, gpu: larger }] }
queue: 6h
hedge: 2
probe: quick
keep: 15m
idle: 30m
ports: [6006]
labels: { team: nlp }
profile: cheapest
`;

describe("a job file", () => {
  it("becomes a job with every key converted", ({ expect }) => {
    const job = parse(everything, { environment: { values: { WANDB_PROJECT: "w" } } });
    expect(job).toEqual({
      name: "qwen-lora",
      resources: {
        gpus: [{ models: ["A100", "H100"], vramGib: { min: 80 }, count: { min: 1, max: 1 } }],
        isOrderedPreference: false,
        nodes: 1,
        interconnect: "nvlink",
        fabric: { kind: "rdma", bandwidthGbps: { min: 100 } },
        cpuCount: { min: 8 },
        memoryGib: { min: 64 },
        diskGib: { min: 200 },
      },
      market: "spot",
      regions: ["cn-*"],
      residency: "cn",
      platforms: { allow: ["autodl", "lab"], deny: [], prefer: [] },
      image: { autodl: "pytorch-2.8", default: "pytorch-2.7" },
      workdir: "/home/ada/project",
      files: [
        {
          target: "data/train.jsonl",
          source: { kind: "local", path: "/home/ada/project/train.jsonl" },
        },
        { target: "/data/a", source: { kind: "host", path: "/shared/a" } },
        { target: "b.bin", source: { kind: "url", url: "https://example.org/b.bin" } },
        { target: "c", source: { kind: "run", run: "r-k3v9x2", path: "model/c" } },
      ],
      environment: { EPOCHS: "3", LR: "3", WANDB_PROJECT: "w" },
      secrets: { HF_TOKEN: { env: "HF_TOKEN" } },
      setup: "pip install -r requirements.txt",
      run: 'python train.py --epochs "$EPOCHS"',
      outputs: ["adapter/**", "metrics.json"],
      checkpoint: {
        path: "ckpt",
        everyMs: 300_000,
        signal: "SIGTERM",
        graceMs: 60_000,
        store: "local",
        keep: 2,
      },
      expectedTimeMs: 7_200_000,
      limits: {
        budget: { currency: "CNY", micros: 50_000_000 },
        pricePerHour: { currency: "CNY", micros: 3_000_000 },
        timeMs: 21_600_000,
        holdMs: 28_800_000,
      },
      retry: {
        interruptions: 5,
        failures: 0,
        rules: [
          { exitCode: 42, action: "retry" },
          { on: "oom", action: "retry", gpu: "larger" },
        ],
      },
      queueMs: 21_600_000,
      hedge: 2,
      probe: "quick",
      keepMs: 900_000,
      idleMs: 1_800_000,
      ports: [6006],
      labels: { team: "nlp" },
      profile: "cheapest",
    });
    expect(JSON.parse(JSON.stringify(job))).toEqual(job);
  });

  it("refuses a retry rule that says nothing or contradicts itself", ({ expect }) => {
    const rule = (text: string): string =>
      complaint(`resources: { gpu: A100 }\nretry: { rules: [${text}] }\n`);
    expect(rule("{ on: oom }")).toContain("retry.rules[0].action: Is missing.");
    expect(rule("{ on: oom, action: fail, gpu: larger }")).toContain("A rule that fails");
    expect(complaint("retry: { rules: [{ on: oom, gpu: larger }] }")).toContain("No card is asked");
    expect(complaint("hedge: 3")).toContain("hedge: Must be at most 2");
  });

  it("gets every default when it says little", ({ expect }) => {
    const job = parse("run: echo hi\n");
    expect(job).toMatchObject({
      name: "train",
      resources: { gpus: [], nodes: 1, interconnect: "any", fabric: { kind: "any" } },
      market: "on-demand",
      expectedTimeMs: 3_600_000,
      limits: { timeMs: 86_400_000, holdMs: 28_800_000 },
      retry: { interruptions: 5, failures: 0, rules: [] },
      profile: "cheapest",
    });
    for (const key of ["workdir", "checkpoint", "queueMs", "keepMs", "idleMs", "image", "setup"]) {
      expect(key in job, key).toBe(false);
    }
    expect("budget" in job.limits).toBe(false);
    expect("run" in parse("")).toBe(false);
  });

  it("takes short forms: a list of platforms, single texts, a list of accelerators", ({
    expect,
  }) => {
    const job = parse(
      'platforms: [lab]\nregion: "cn-*"\noutputs: out/\nports: 80\nresources: { gpu: [H100, "4090:2"] }\ncheckpoint: {path: ./ckpt/, signal: usr1}',
    );
    expect(job.platforms.allow).toEqual(["lab"]);
    expect(job.outputs).toEqual(["out/"]);
    expect(job.ports).toEqual([80]);
    expect(job.resources.isOrderedPreference).toBe(true);
    expect(job.resources.gpus[1]).toEqual({ models: ["RTX4090"], count: { min: 2, max: 2 } });
    expect(job.checkpoint).toMatchObject({ path: "ckpt", signal: "SIGUSR1" });
    expect(parse("resources: {gpu: 4090}").resources.gpus[0]?.models).toEqual(["RTX4090"]);
  });

  it("lists every problem with its place, what is wrong and what to do", ({ expect }) => {
    const text = [
      "nmae: x",
      "gpu: A100",
      "resources:",
      "  gpu: nvidai:A100",
      "  nodes: two",
      "  memory: 64",
      "  accelerators: 8",
      "market: ondemand",
      "limits: { budget: 50, price: 3 CNY, time: 6, tme: 1h }",
      "env: [A, B]",
      "secrets: { HF_TOKEN: abcdef }",
      "run: [python, train.py]",
      "setup: 012",
      "outputs: [/abs, ../up, ok]",
      "retry: { rules: [{ exitCode: 300, action: again }] }",
      "ports: [70000]",
      "expectedTime:",
      "checkpoint: { every: 5m, path:  }",
      "files: { a: s3://b/c, ../x: y, b: ftp://z }",
      "labels: { 'bad key!': 1 }",
      "residency: China",
      "name: ../evil",
    ].join("\n");
    expect(complaint(text).split("\n")).toMatchInlineSnapshot(`
      [
        "train.yaml:1:1: nmae is no key that gpujob knows. Valid here: name, resources, model, market, region, residency, platforms, image, registry, workdir, files, data, env, secrets, mirrors, setup, run, outputs, checkpoint, expectedTime, expectedOutput, startAt, deadline, limits, retry, queue, hedge, probe, keep, idle, ports, labels, profile.",
        "train.yaml:2:1: gpu is no key that gpujob knows. Write it as resources.gpu.",
        "train.yaml:4:8: resources.gpu: "nvidai:A100" has a second name: "A100". "nvidai" is not a vendor. Did you mean "nvidia"?",
        "train.yaml:5:10: resources.nodes: Must be a number, not text.",
        "train.yaml:6:11: resources.memory: 64 is not a size: the unit is missing. Write 64GB if you mean GiB.",
        "train.yaml:7:3: resources.accelerators is no key that gpujob knows. Write resources.gpu instead.",
        "train.yaml:8:9: market: Must be on-demand, spot or auto, not "ondemand". Did you mean "on-demand"?",
        "train.yaml:9:19: limits.budget: 50 is not an amount of money: the currency is missing. Write the currency too: 50 CNY, or 50 USD.",
        "train.yaml:9:30: limits.price: "3 CNY" is not a price per hour. Write it as 3 CNY/h or $2/h.",
        "train.yaml:9:43: limits.time: 6 is not a duration: the unit is missing. Write 6s for seconds, 6m for minutes or 6h for hours.",
        "train.yaml:9:46: limits.tme is no key that gpujob knows. Did you mean "time"?",
        "train.yaml:10:1: env: Must be a map, not a list. Write \`key: value\` lines below it.",
        "train.yaml:11:22: secrets.HF_TOKEN: A secret is never written into a file; say where it is: { env: NAME }, { file: PATH }, { command: "…" } or { keyring: NAME }.",
        "train.yaml:12:1: run: Must be text, not a list. Write one text; if the brackets belong to it, put it in quotes.",
        "train.yaml:13:8: setup: Must be text, not a number. Put it in quotes: "012".",
        "train.yaml:14:11: outputs[0]: "/abs" is absolute. Write a path relative to the work folder.",
        "train.yaml:14:17: outputs[1]: "../up" leaves its folder with "..". Write outputs into the work folder, or into "$GPUJOB_OUTPUT_DIR".",
        "train.yaml:15:30: retry.rules[0].exitCode: Must be at most 255.",
        "train.yaml:15:43: retry.rules[0].action: Must be retry or fail, not "again".",
        "train.yaml:16:9: ports[0]: Must be at most 65535.",
        "train.yaml:17:1: expectedTime: There is no value. Write one, or remove the key.",
        "train.yaml:18:26: checkpoint.path: There is no value. Write one, or remove the key.",
        "train.yaml:19:13: files.a: "s3://b/c": s3:// is not yet supported. Use a local path, an https:// address or host:/path, or fetch it in \`setup\`.",
        "train.yaml:19:23: files["../x"]: "../x" leaves its folder with "..". Place the file inside the work folder.",
        "train.yaml:19:35: files.b: "ftp://z": ftp:// is not supported. Use a local path, https://, host:/path or run:RUN/path.",
        "train.yaml:20:11: labels["bad key!"]: "bad key!" is no name of a label. Use letters, digits, ".", "_", "-" and "/", at most 63.",
        "train.yaml:21:12: residency: "China" is not a country code. Write the two letters, such as cn, us or de.",
        "train.yaml:22:7: name: "../evil" is no safe name. Use letters, digits, ".", "-" and "_", at most 63, starting with a letter or digit, such as evil.",
      ]
    `);
  });

  it("refuses keys of later versions and other tools' words, never ignores them", ({ expect }) => {
    const said = [
      "model: {}",
      "model: {params: 7}",
      "model: {params: 7B, task: full, precision: int8}",
      "model: {params: 7B, optimizer: sgd}",
      "matrix: {}",
      "parallel: 2",
      "mirrors: off",
      "image: docker:-x",
      "registry: {user: a, password: {env: P}}",
      "{image: docker:x/y, registry: {user: a, password: plain}}",
      "checkpoint: {path: a, store: storage}",
      "files: {a: hf://x/y}",
      "num_nodes: 2",
      "budget: 5",
      "resources: {cpus: 8}",
      "time: 5h",
      "zzz: 1",
    ].map((text) => complaint(text));
    expect(said).toMatchInlineSnapshot(`
      [
        "train.yaml:1:1: model: Which model? Add \`params: 7B\`, or a \`name\`.",
        "train.yaml:1:17: model.params: 7 is not a number of parameters. Write it as 350M, 7B, 1.5B or 1T.",
        "train.yaml:1:44: model.precision: All parameters are trained in bf16, fp16 or fp32. Write \`task: qlora\` for int4.",
        "train.yaml:1:32: model.optimizer: Inference has none. Remove it, or write \`task: lora\`, qlora or full.",
        "train.yaml:1:1: matrix is not yet supported. Submit one job per combination, with -e for what differs.",
        "train.yaml:1:1: parallel is not yet supported. Submit one job per combination, with -e for what differs.",
        "train.yaml:1:10: mirrors: Must be auto or none, not "off".",
        "train.yaml:1:8: image: "docker:-x" is not an image of Docker. Write what \`docker pull\` takes, such as docker:nvcr.io/nvidia/pytorch:25.10-py3.",
        "train.yaml:1:1: registry: It is the log-in for a docker: image, and \`image\` names none. Remove it.",
        "train.yaml:1:51: registry.password: A secret is never written into a file; say where it is: { env: NAME }, { file: PATH }, { command: "…" } or { keyring: NAME }.",
        "train.yaml:1:30: checkpoint.store: Checkpoints in storage are not yet supported. Use local: checkpoints are kept on this machine.",
        "train.yaml:1:12: files.a: "hf://x/y": hf:// is not yet supported. Use a local path, an https:// address or host:/path, or fetch it in \`setup\`.",
        "train.yaml:1:1: num_nodes is no key that gpujob knows. Write resources.nodes instead.",
        "train.yaml:1:1: budget is no key that gpujob knows. Write limits.budget instead.",
        "train.yaml:1:13: resources.cpus is no key that gpujob knows. Write resources.cpu instead.",
        "train.yaml:1:1: time is no key that gpujob knows. Write it as limits.time.",
        "train.yaml:1:1: zzz is no key that gpujob knows. Valid here: name, resources, model, market, region, residency, platforms, image, registry, workdir, files, data, env, secrets, mirrors, setup, run, outputs, checkpoint, expectedTime, expectedOutput, startAt, deadline, limits, retry, queue, hedge, probe, keep, idle, ports, labels, profile.",
      ]
    `);
  });

  it("never repeats a literal secret", ({ expect }) => {
    for (const text of [
      "secrets: {A: s3cr3tvalue}",
      "secrets: {A: {token: s3cr3tvalue}}",
      "secrets: {A: [s3cr3tvalue]}",
    ]) {
      const said = complaint(text);
      expect(said).toContain("{ env: NAME }");
      expect(said).not.toContain("s3cr3tvalue");
    }
  });

  it("reports problems of YAML with the same face", ({ expect }) => {
    expect(complaint("a: [*.json]")).toMatch(/^train\.yaml:1:5: .*quotes: "\*\.json"\.$/);
    expect(complaint("- a")).toBe(
      "train.yaml:1:1: The file must hold `key: value` lines, such as `run: python train.py`.",
    );
    expect(complaint("run: a\nrun: b")).toContain("train.yaml:2:1: ");
  });
});

describe("the environment of a job", () => {
  it("takes values from flags, then from the file, then from the shell", ({ expect }) => {
    const environment = {
      values: { A: "flag", D: null },
      shell: { B: "shell", D: "from shell", C: "unused" },
    };
    expect(parse("env: {A: file, B: , C: file}", { environment }).environment).toEqual({
      A: "flag",
      B: "shell",
      C: "file",
      D: "from shell",
    });
  });

  it("names every value that is missing and how to give it", ({ expect }) => {
    const said = complaint("env:\n  WANDB_PROJECT:\n", { environment: { values: { X: null } } });
    expect(said.split("\n")).toEqual([
      "train.yaml:2:3: env.WANDB_PROJECT has no value and is not set in this shell. Give one at submit with -e WANDB_PROJECT=VALUE, or write one here.",
      "-e X: X is not set in this shell. Write -e X=VALUE, or set it with: export X=VALUE",
    ]);
  });

  it("asks for quotes where YAML readers would change the value", ({ expect }) => {
    const unclear = [
      "012",
      "1e3",
      "1.0",
      "0x1F",
      "no",
      "On",
      "2024-01-01",
      "10:30",
      "1_000",
      "True",
      "~",
      ".inf",
    ];
    for (const value of unclear) {
      expect(complaint(`env: {A: ${value}}`), value).toContain(`Write it in quotes: "${value}".`);
      expect(parse(`env: {A: "${value}"}`).environment["A"]).toBe(value);
      if (value !== "~") expect(complaint(`labels: {a: ${value}}`), value).toContain("in quotes");
    }
    expect(complaint("env: {A: 012}")).toBe(
      'train.yaml:1:10: env.A: YAML reads 012 as 12. Write it in quotes: "012".',
    );
    expect(parse("env: {A: 3, B: 0.1, C: true, D: -1, E: none}").environment).toEqual({
      A: "3",
      B: "0.1",
      C: "true",
      D: "-1",
      E: "none",
    });
  });

  it("keeps every character of a value", ({ expect }) => {
    const value = "a=b 'c' \"d\" $E `f`\n\ttab é 中 -oProxyCommand=x";
    expect(parse(`env: {A: ${JSON.stringify(value)}}`).environment["A"]).toBe(value);
  });

  it("refuses names that no environment can hold, and those that are taken", ({ expect }) => {
    expect(complaint("env: {1A: x}")).toContain("no name of an environment variable");
    expect(complaint("env: {GPUJOB_RUN_ID: x}")).toContain("Choose another name");
    const environment = { values: { GPUJOB_X: "1", "a b": "2", constructor: null }, shell: {} };
    expect(complaint("run: x", { environment }).split("\n")).toEqual([
      '-e GPUJOB_X: "GPUJOB_X" cannot be set. Choose another name: those with GPUJOB_ are set by gpujob itself.',
      '-e a b: "a b" is no name of an environment variable. Use letters, digits and _, starting with a letter.',
      "-e constructor: constructor is not set in this shell. Write -e constructor=VALUE, or set it with: export constructor=VALUE",
    ]);
    expect(complaint("env: {A: x}\nsecrets: [A]")).toContain("stands under env too");
  });
});

describe("paths in a job file", () => {
  it("are relative to the file, or to the home folder with ~/", ({ expect }) => {
    const job = parse(
      "workdir: src\nfiles: {a: ../up/a, b: ~/b, c: /abs/c}\nsecrets: {S: {file: ~/s}}",
    );
    expect(job.workdir).toBe("/home/ada/project/src");
    expect(job.files.map((file) => "path" in file.source && file.source.path)).toEqual([
      "/home/ada/up/a",
      "/home/ada/b",
      "/abs/c",
    ]);
    expect(job.secrets["S"]).toEqual({ file: "/home/ada/s" });
  });

  it("never leave the work folder", ({ expect }) => {
    for (const text of [
      "workdir: ..",
      "workdir: a/../../b",
      "outputs: ['../x']",
      "outputs: ['a/../../x']",
      "outputs: ['/etc/passwd']",
      "outputs: ['~/x']",
      "checkpoint: {path: /a}",
      "checkpoint: {path: a/..}",
      "checkpoint: {path: .}",
      "files: {a/../../b: c}",
      "files: {'~/x': c}",
      "files: {'host:/a': host:a}",
      "name: a/b",
      "name: ..",
      "name: -x",
      "name: r-k3v9x2",
      'outputs: ["a\\0"]',
      "files: {a: host:/x/../y}",
      "files: {a: run:x/../y}",
      "files: {a: https://u:p@h/x}",
      'outputs: [""]',
    ]) {
      expect(complaint(text), text).not.toBe("accepted");
    }
  });
});

describe("layers over and under a job file", () => {
  const flags = {
    values: { limits: { budget: "10 CNY" }, resources: { gpu: "H100" } },
    where: (path: readonly PropertyKey[]) => `--${String(path.at(-1))}`,
    folder: "/home/ada",
  };
  const defaults = {
    values: {
      limits: { budget: "200 CNY", time: "5h" },
      queue: "1h",
      env: { A: "1", B: "2" },
      workdir: "w",
    },
    where: (path: readonly PropertyKey[]) => `gpujob.config.yaml: defaults.${path.join(".")}`,
    folder: "/home/ada/config",
  };

  it("are merged by key: flags, then the file, then the defaults", ({ expect }) => {
    const job = parse(
      "limits: {budget: 50 CNY, price: 1 CNY/h}\nenv: {B: file}\nresources: {gpu: A100, nodes: 2}",
      {
        flags,
        defaults,
      },
    );
    expect(job.limits).toEqual({
      budget: { currency: "CNY", micros: 10_000_000 },
      pricePerHour: { currency: "CNY", micros: 1_000_000 },
      timeMs: 18_000_000,
      holdMs: 28_800_000,
    });
    expect(job.environment).toEqual({ A: "1", B: "file" });
    expect(job.resources).toMatchObject({ gpus: [{ models: ["H100"] }], nodes: 2 });
    expect(job.queueMs).toBe(3_600_000);
    expect(job.workdir).toBe("/home/ada/config/w");
  });

  it("are blamed by their own names", ({ expect }) => {
    const bad = { ...flags, values: { limits: { budget: "10" } } };
    expect(complaint("run: x", { flags: bad })).toMatch(
      /^--budget: limits\.budget: "10" is not an amount/,
    );
    const worse = { ...defaults, values: { matrix: {} } };
    expect(complaint("run: x", { defaults: worse })).toMatch(
      /^gpujob\.config\.yaml: defaults\.matrix: matrix is not yet/,
    );
  });

  it("make a job without any file", ({ expect }) => {
    const job = parseJobFile({
      ...base,
      path: "/home/ada/x/job.yaml",
      flags: { ...flags, values: { run: "ls" } },
    });
    expect(job).toMatchObject({ name: "job", run: "ls" });
  });
});
