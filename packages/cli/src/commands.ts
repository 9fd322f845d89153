import type { AnyCommand } from "./definition.ts";

/** Every command by name, in the order of the help, each in a chunk of its own. */
const loaders: Readonly<Record<string, (() => Promise<AnyCommand>) | undefined>> = {
  submit: async () => (await import("./commands/submit.ts")).submit,
  plan: async () => (await import("./commands/plan.ts")).plan,
  offers: async () => (await import("./commands/offers.ts")).offers,
  ps: async () => (await import("./commands/ps.ts")).ps,
  show: async () => (await import("./commands/show.ts")).show,
  logs: async () => (await import("./commands/logs.ts")).logs,
  wait: async () => (await import("./commands/wait.ts")).wait,
  stop: async () => (await import("./commands/stop.ts")).stop,
  retry: async () => (await import("./commands/retry.ts")).retry,
  ssh: async () => (await import("./commands/ssh.ts")).ssh,
  exec: async () => (await import("./commands/exec.ts")).exec,
  push: async () => (await import("./commands/push.ts")).push,
  pull: async () => (await import("./commands/pull.ts")).pull,
  cost: async () => (await import("./commands/cost.ts")).cost,
  audit: async () => (await import("./commands/audit.ts")).audit,
  platforms: async () => (await import("./commands/platforms.ts")).platforms,
  doctor: async () => (await import("./commands/doctor.ts")).doctor,
  init: async () => (await import("./commands/init.ts")).init,
  schema: async () => (await import("./commands/schema.ts")).schema,
  config: async () => (await import("./commands/config.ts")).config,
  completion: async () => (await import("./commands/completion.ts")).completion,
  prune: async () => (await import("./commands/prune.ts")).prune,
  mock: async () => (await import("./commands/mock.ts")).mock,
  drill: async () => (await import("./commands/later.ts")).drill,
  serve: async () => (await import("./commands/later.ts")).serve,
  drive: async () => (await import("./commands/drive.ts")).drive,
};

/** Names of all commands. */
export const commandNames: readonly string[] = Object.keys(loaders);

/** Loads one command; `undefined` when there is none of that name. */
export async function loadCommand(name: string): Promise<AnyCommand | undefined> {
  return Object.hasOwn(loaders, name) ? loaders[name]?.() : undefined;
}
