import { deepEqual, equal, match, notEqual, ok } from "node:assert/strict";
import { contractVersion } from "@gpujob/spec";
import { capabilityDefaults, capabilityProblems } from "../capabilities.ts";
import type { ConformanceCheck, Need } from "./check.ts";
import { whereCapability } from "./check.ts";
import type { ConformanceContext } from "./context.ts";

const group = "definition";

const whereConfig: Need = ({ setup }) =>
  setup.config === undefined ? "the test's set-up has no config" : undefined;

function parses({ definition }: ConformanceContext, config: unknown): boolean {
  return definition.configSchema.safeParse(config).success;
}

/** The set-up's configuration with one more key. */
function configWith(context: ConformanceContext, more: Record<string, unknown>): unknown {
  const { config } = context.setup;
  return typeof config === "object" && config !== null ? { ...config, ...more } : config;
}

export const definitionChecks: readonly ConformanceCheck[] = [
  {
    group,
    name: "has an id of lower-case words and a title for people",
    run({ definition }) {
      match(definition.id, /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/);
      notEqual(definition.title.trim(), "");
    },
  },
  {
    group,
    name: "speaks this version of the contract",
    run({ definition }) {
      equal(definition.contractVersion, contractVersion);
    },
  },
  {
    group,
    name: "states every capability, without contradiction",
    run({ capabilities }) {
      const names = ["release", "markets", ...Object.keys(capabilityDefaults)].toSorted();
      deepEqual(Object.keys(capabilities).toSorted(), names);
      deepEqual(capabilityProblems(capabilities), []);
    },
  },
  {
    group,
    name: "accepts a valid configuration",
    needs: [whereConfig],
    run: (context) => ok(parses(context, context.setup.config), "the set-up's config was refused"),
  },
  {
    group,
    name: "refuses an unknown key of the configuration",
    needs: [whereConfig],
    run: (context) =>
      ok(!parses(context, configWith(context, { surpriseKey: true })), "surpriseKey was accepted"),
  },
  {
    group,
    name: "takes an endpoint, for tests and private deployments",
    needs: [whereConfig, whereCapability("release", "api")],
    run: (context) =>
      ok(
        parses(context, configWith(context, { endpoint: "http://127.0.0.1:8080" })),
        "`endpoint: http://127.0.0.1:8080` was refused",
      ),
  },
  {
    group,
    name: "refuses what is no object as configuration, without crashing",
    run(context) {
      for (const config of [null, undefined, [], "text", 1, true]) {
        ok(!parses(context, config), `${JSON.stringify(config)} was accepted as configuration`);
      }
    },
  },
];
