import { describe, it } from "vitest";
import { z } from "zod";
import { parseConfigFile } from "./config-file.ts";
import { parseJobFile } from "./job-file.ts";
import { configJsonSchema, jobJsonSchema } from "./json-schema.ts";
import { readYaml } from "./yaml.ts";

const names = { resolveName: () => undefined };

const jobs = [
  "run: echo hi",
  'resources: { gpu: "A100,H100:80GB:1", nodes: 2, cpu: 8, memory: 64GB, fabric: "rdma:100Gbps.." }',
  "resources: { gpu: [H100, { name: A100, count: 2 }] }",
  "platforms: [lab]\nregion: cn-*\noutputs: out/\nports: 80",
  "platforms: { allow: [a], prefer: [b] }\nimage: { default: x }\nsecrets: [A]",
  'secrets: { A: { file: x }, B: { command: [a, b] } }\nenv: { N: 1, T: true, C: "x" }',
  "limits: { budget: 50 CNY, price: $2/h, time: 6h }\nqueue: 1h30m\nexpectedTime: 2h",
  "checkpoint: { path: ckpt, every: 5m, keep: 2 }\nretry: { rules: [{ exitCode: [1, 2], action: fail }, { on: oom, gpu: larger }] }\nresources: { gpu: A100 }\nhedge: 2\nprobe: quick",
  "files: { a: ./b, c: host:/d }\nlabels: { team: nlp, n: 3 }\nmarket: auto\nresidency: cn",
];

const configs = [
  "currency: CNY\nexchange: { USD: 7.12 }\ntether: auto",
  "platforms: { lab: { adapter: ssh-host, hosts: [{ ssh: h }], timeouts: { boot: 5m } } }",
  "defaults: { limits: { budget: 200 CNY }, resources: { gpu: H100 } }\ntimeouts: { orphan: 10m }",
];

function dataOf(text: string): unknown {
  const result = readYaml(text);
  return result.ok ? JSON.parse(JSON.stringify(result.file.value)) : undefined;
}

describe("the JSON Schema for editors", () => {
  it("accepts every job file that the parser accepts, and refuses unknown keys", ({ expect }) => {
    const schema = z.fromJSONSchema(jobJsonSchema());
    for (const text of jobs) {
      parseJobFile({ ...names, text, path: "/p/job.yaml" });
      expect(schema.safeParse(dataOf(text)).error, text).toBeUndefined();
    }
    for (const text of [
      "rum: x",
      "limits: { tme: 1h }",
      "market: cheap",
      "ports: [0]",
      "queue: soon",
    ]) {
      expect(schema.safeParse(dataOf(text)).success, text).toBe(false);
    }
  });

  it("accepts every configuration that the parser accepts, and refuses unknown keys", ({
    expect,
  }) => {
    const schema = z.fromJSONSchema(configJsonSchema());
    for (const text of configs) {
      parseConfigFile({ ...names, text, path: "/p/config.yaml" });
      expect(schema.safeParse(dataOf(text)).error, text).toBeUndefined();
    }
    for (const text of ["curency: x", "tether: none", "defaults: { rum: x }"]) {
      expect(schema.safeParse(dataOf(text)).success, text).toBe(false);
    }
  });

  it("describes every key and asks for none", ({ expect }) => {
    for (const schema of [jobJsonSchema(), configJsonSchema()]) {
      const { properties, required } = z
        .looseObject({
          properties: z.record(z.string(), z.looseObject({ description: z.string().optional() })),
          required: z.array(z.string()).optional(),
        })
        .parse(schema);
      expect(required ?? []).toEqual([]);
      const bare = Object.keys(properties).filter(
        (key) => properties[key]?.description === undefined,
      );
      expect(bare).toEqual([]);
    }
  });
});
