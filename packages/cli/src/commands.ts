import { submit } from "./commands/submit.ts";
import { plan } from "./commands/plan.ts";
import { offers } from "./commands/offers.ts";
import { ps } from "./commands/ps.ts";
import { show } from "./commands/show.ts";
import { logs } from "./commands/logs.ts";
import { wait } from "./commands/wait.ts";
import { stop } from "./commands/stop.ts";
import { retry } from "./commands/retry.ts";
import { ssh } from "./commands/ssh.ts";
import { exec } from "./commands/exec.ts";
import { push } from "./commands/push.ts";
import { pull } from "./commands/pull.ts";
import { cost } from "./commands/cost.ts";
import { audit } from "./commands/audit.ts";
import { platforms } from "./commands/platforms.ts";
import { doctor } from "./commands/doctor.ts";
import { init } from "./commands/init.ts";
import { schema } from "./commands/schema.ts";
import { config } from "./commands/config.ts";
import { createCompletion } from "./commands/completion.ts";
import { prune } from "./commands/prune.ts";
import { mock } from "./commands/mock.ts";
import { drill } from "./commands/drill.ts";
import { serve } from "./commands/later.ts";
import { drive } from "./commands/drive.ts";
import type { AnyCommand } from "./definition.ts";

const completion = createCompletion(() => commands);

/**
 * Every command, in the order of the help. They are small and loaded together: a dozen files more cost more time than
 * their code. What is large is loaded by those who use it: the library, oclif, questions, the live line.
 */
export const commands: readonly AnyCommand[] = [
  submit,
  plan,
  offers,
  ps,
  show,
  logs,
  wait,
  stop,
  retry,
  ssh,
  exec,
  push,
  pull,
  cost,
  audit,
  platforms,
  doctor,
  init,
  schema,
  config,
  completion,
  prune,
  mock,
  drill,
  serve,
  drive,
];

/** Names of all commands. */
export const commandNames: readonly string[] = commands.map(({ name }) => name);

/** The command of this name; `undefined` when there is none. */
export function findCommand(name: string): AnyCommand | undefined {
  return commands.find((command) => command.name === name);
}
