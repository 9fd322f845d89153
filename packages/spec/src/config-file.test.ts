import { describe, it } from "vitest";
import { z } from "zod";
import { createConfigLayer, parseConfigFile } from "./config-file.ts";
import { mergeConfig } from "./config-merge.ts";
import { GpujobError } from "./errors.ts";
import { parseJobFile } from "./job-file.ts";
import { parsePlatformSettings } from "./platform-settings.ts";
import { secretReferenceSchema } from "./secret-schema.ts";
import { hourlyPriceSchema } from "./unit-schema.ts";

const names = { resolveName: () => undefined };

function read(text: string, path = "/home/ada/.gpujob/config.yaml") {
  return parseConfigFile({ ...names, text, path, home: "/home/ada" });
}

function complaint(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    if (GpujobError.is(error) && error.kind === "config_invalid") return error.message;
    throw error;
  }
  return "accepted";
}

const user = `
currency: CNY
exchange: { USD: 7.12, eur: 8 }
installation: ci-my-project
platforms:
  lab:
    adapter: ssh-host
    hosts: [{ ssh: root@10.0.0.5:22, gpu: "RTX4090:24GB:2", price: 0.8 CNY/h, key: ~/.ssh/id_ed25519 }]
  autodl: { adapter: autodl, token: { env: AUTODL_TOKEN }, discount: 0.95, timeouts: { boot: 20m } }
defaults: { limits: { budget: 200 CNY }, env: { A: "1", B: "2" }, workdir: code }
timeouts: { boot: 5m }
tether: long
`;

describe("a configuration file", () => {
  it("becomes a configuration with every default filled in", ({ expect }) => {
    const { config, origins } = mergeConfig([read(user)]);
    expect(config).toMatchObject({
      currency: "CNY",
      exchange: { USD: 7.12, EUR: 8 },
      installation: "ci-my-project",
      timeouts: { bootMs: 300_000, offersMs: 3000, releaseMs: 120_000, unreachableMs: 300_000 },
      tether: "long",
    });
    expect("orphanMs" in config.timeouts).toBe(false);
    const [lab, autodl] = config.platforms;
    expect(lab).toMatchObject({ name: "lab", adapter: "ssh-host", origin: "config.yaml:6:3" });
    expect(autodl).toMatchObject({
      settings: { token: { env: "AUTODL_TOKEN" }, discount: 0.95 },
      timeouts: { bootMs: 1_200_000 },
    });
    expect(Object.keys(autodl?.settings ?? {})).toEqual(["token", "discount"]);
    expect(origins).toMatchObject({
      currency: "config.yaml:2:11",
      "timeouts.boot": "config.yaml:11:19",
      "timeouts.release": "default",
      "defaults.limits.budget": "config.yaml:10:31",
      "platforms.autodl.discount": "config.yaml:9:70",
    });
    expect(mergeConfig([read("")]).config).toEqual(mergeConfig([]).config);
  });

  it("says what is wrong, where, and what to do", ({ expect }) => {
    const text = [
      "curency: CNY",
      "currency: RMBB",
      "exchange: { USD: -1, XXL: 3 }",
      "platforms:",
      "  lab: { adapter: SSH, token: abcdef, timeouts: { bot: 5m } }",
      "  a/b: {}",
      "  c: { hosts: [{ password: abcdef }], endpoint: 'https://u:abcdef@h' }",
      "defaults: { limits: { budget: 200 }, matrix: {}, env: { A: 012 }, gpus: 1 }",
      "timeouts: { boot: 5 }",
      "tether: none",
      "storage: {}",
      "notify: []",
      "tokens: 1",
    ].join("\n");
    const said = complaint(() => read(text));
    expect(said.split("\n")).toMatchInlineSnapshot(`
      [
        "config.yaml:1:1: curency is no key that gpujob knows. Did you mean "currency"?",
        "config.yaml:2:11: currency: "RMBB" is not a currency. Use a three-letter code such as CNY or USD. Did you mean "RMB"?",
        "config.yaml:3:18: exchange.USD: Must be more than 0.",
        "config.yaml:3:22: exchange.XXL: "XXL" is not a currency. Use a three-letter code such as CNY or USD.",
        "config.yaml:5:19: platforms.lab.adapter: Write the adapter's name, such as autodl or ssh-host.",
        "config.yaml:5:31: platforms.lab.token: A secret is never written into a file. Set LAB_TOKEN in your shell and write token: { env: LAB_TOKEN }, or use { file: PATH }, { command: … } or { keyring: NAME }.",
        "config.yaml:5:51: platforms.lab.timeouts.bot is no key that gpujob knows. Did you mean "boot"?",
        "config.yaml:6:3: platforms["a/b"]: "a/b" is no safe name. Use letters, digits, ".", "-" and "_", at most 63, starting with a letter or digit, such as a-b.",
        "config.yaml:7:28: platforms.c.hosts[0].password: A secret is never written into a file. Set C_PASSWORD in your shell and write password: { env: C_PASSWORD }, or use { file: PATH }, { command: … } or { keyring: NAME }.",
        "config.yaml:7:49: platforms.c.endpoint: The address carries a password. Take it out, and give it by reference under a key of its own.",
        "config.yaml:8:31: defaults.limits.budget: 200 is not an amount of money: the currency is missing. Write the currency too: 200 CNY, or 200 USD.",
        "config.yaml:8:38: defaults.matrix is not yet supported. Submit one job per combination, with -e for what differs.",
        "config.yaml:8:60: defaults.env.A: YAML reads 012 as 12. Write it in quotes: "012".",
        "config.yaml:8:67: defaults.gpus is no key that gpujob knows. Write defaults.resources.gpu instead.",
        "config.yaml:9:19: timeouts.boot: 5 is not a duration: the unit is missing. Write 5s for seconds, 5m for minutes or 5h for hours.",
        "config.yaml:10:9: tether: Must be auto, short or long, not "none".",
        "config.yaml:11:1: storage is not yet supported. Checkpoints and outputs are kept on this machine; remove the key.",
        "config.yaml:12:1: notify is not yet supported. Use \`gpujob wait RUN && …\` to be told of an end; remove the key.",
        "config.yaml:13:1: tokens is no key that gpujob knows. Valid here: currency, exchange, installation, platforms, defaults, timeouts, tether.",
      ]
    `);
    expect(said).not.toContain("abcdef");
    expect(complaint(() => mergeConfig([read("platforms: {lab: {hosts: []}}")]))).toBe(
      "config.yaml:1:13: platforms.lab has no adapter. Add `adapter:`, such as autodl or ssh-host.",
    );
  });

  it("names what a project's file must be trusted for", ({ expect }) => {
    const text = [
      "platforms:",
      "  a: { adapter: x, endpoint: 'http://h', token: { env: T }, region: r }",
      "  b: { adapter: x, token: { command: [pass, show] }, hosts: [{ ssh: h, key: k, agent: true, password: { file: p } }] }",
      "defaults: { secrets: [S, T], limits: { budget: 1 CNY }, labels: { key: x } }",
      "currency: CNY",
    ].join("\n");
    expect(read(text).concerns.map(({ kind, path }) => `${kind} ${path}`)).toEqual([
      "endpoint platforms.a.endpoint",
      "credential platforms.a.token",
      "command platforms.b.token",
      "credential platforms.b.hosts[0].key",
      "credential platforms.b.hosts[0].agent",
      "credential platforms.b.hosts[0].password",
      "credential defaults.secrets[0]",
      "credential defaults.secrets[1]",
    ]);
    expect(read("defaults: { secrets: { S: { command: x } } }").concerns[0]?.kind).toBe("command");
    expect(
      read("currency: USD\nplatforms: { lab: { adapter: ssh-host, hosts: [{ ssh: h }] } }")
        .concerns,
    ).toEqual([]);
  });
});

describe("layers of configuration", () => {
  const project = `
platforms:
  autodl: { discount: 0.5 }
  lab: { adapter: mock, offers: [] }
  extra: { adapter: mock, token: { file: ./token } }
defaults: { limits: { time: 3h }, env: { B: "3" }, files: { a: ./a, b: "host:/b" } }
`;
  const flags = createConfigLayer({
    ...names,
    values: { currency: "usd", timeouts: { offers: "1s" } },
    where: (path) => `--${String(path.at(-1))}`,
    origin: "flags",
    folder: "/home/ada",
  });
  const layers = () => [flags, read(project, "/home/ada/p/gpujob.config.yaml"), read(user)];

  it("win by key, and each key remembers its origin", ({ expect }) => {
    const { config, origins } = mergeConfig(layers());
    expect(config.currency).toBe("USD");
    expect(config.timeouts).toMatchObject({ offersMs: 1000, bootMs: 300_000 });
    const byName = new Map(config.platforms.map((platform) => [platform.name, platform]));
    expect(byName.get("autodl")).toMatchObject({
      adapter: "autodl",
      settings: { discount: 0.5, token: { env: "AUTODL_TOKEN" } },
    });
    expect(byName.get("lab")).toMatchObject({ adapter: "mock", settings: { offers: [] } });
    expect(byName.get("lab")?.settings).not.toHaveProperty("hosts");
    expect(byName.get("extra")?.settings).toEqual({ token: { file: "/home/ada/p/token" } });
    expect(origins).toMatchObject({
      currency: "--currency",
      "platforms.autodl.discount": "gpujob.config.yaml:3:23",
      "platforms.autodl.token": "config.yaml:9:30",
      "defaults.limits.time": "gpujob.config.yaml:6:29",
      "defaults.limits.budget": "config.yaml:10:31",
    });
  });

  it("give defaults to a job file, with paths of their own folder", ({ expect }) => {
    const { defaults } = mergeConfig(layers());
    const job = parseJobFile({ ...names, text: "env: {A: file}", path: "/w/train.yaml", defaults });
    expect(job.limits).toMatchObject({ timeMs: 10_800_000, budget: { micros: 200_000_000 } });
    expect(job.environment).toEqual({ A: "file", B: "3" });
    expect(job.workdir).toBe("/home/ada/.gpujob/code");
    expect(job.files[0]?.source).toEqual({ kind: "local", path: "/home/ada/p/a" });
    expect(defaults.where(["limits", "budget"])).toBe("config.yaml:10:31");
  });
});

describe("settings of a platform", () => {
  const definition = {
    id: "ssh-host",
    configSchema: z.strictObject({
      hosts: z.array(
        z.strictObject({
          ssh: z.string(),
          price: hourlyPriceSchema("Price of the host.").exactOptional(),
          password: secretReferenceSchema.exactOptional(),
        }),
      ),
    }),
  };
  const platformOf = (text: string) => {
    const [platform] = mergeConfig([read(text)]).config.platforms;
    if (platform === undefined) throw new Error("no platform");
    return platform;
  };

  it("come out as the adapter's schema makes them", ({ expect }) => {
    const platform = platformOf(
      "platforms: {lab: {adapter: ssh-host, hosts: [{ssh: h, price: 1 CNY/h}]}}",
    );
    expect(parsePlatformSettings(definition, platform)).toEqual({
      hosts: [{ ssh: "h", price: { currency: "CNY", micros: 1_000_000 } }],
    });
  });

  it("are refused with their place in the file", ({ expect }) => {
    const text = [
      "platforms:",
      "  lab:",
      "    adapter: ssh-host",
      "    host: h",
      "    hosts:",
      "      - ssh: 1",
      "        price: 3",
      "        pasword: { env: P }",
      "      - price: 1 CNY/h",
    ].join("\n");
    const said = complaint(() => parsePlatformSettings(definition, platformOf(text)));
    expect(said.split("\n")).toMatchInlineSnapshot(`
      [
        "config.yaml:4:5: platforms.lab.host is no key that gpujob knows. Did you mean "hosts"?",
        "config.yaml:6:9: platforms.lab.hosts[0].ssh: Must be text, not a number. Put it in quotes: "1".",
        "config.yaml:7:9: platforms.lab.hosts[0].price: 3 is not a price per hour. Write the currency and the hour: 3 CNY/h.",
        "config.yaml:8:9: platforms.lab.hosts[0].pasword is no key that gpujob knows. Did you mean "password"?",
        "config.yaml:9:9: platforms.lab.hosts[1].ssh: This key is missing. Add it.",
      ]
    `);
  });
});
