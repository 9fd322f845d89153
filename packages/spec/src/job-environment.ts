import { GpujobError } from "./errors.ts";
import { checkVariable } from "./job-values.ts";
import type { JobValues } from "./job-schema.ts";
import type { Problem } from "./position.ts";

/** Environment values given at submit, and this shell's own variables. */
export interface JobEnvironment {
  /** From `-e KEY=VALUE` and `--env-file`; `null` is `-e KEY`, which takes the value from the shell. */
  readonly values?: Readonly<Record<string, string | null>>;
  /** The environment of the shell that submits; for `-e KEY` and for keys that the file leaves empty. */
  readonly shell?: Readonly<Record<string, string | undefined>>;
}

/** Final values of the job's environment; every key that still has none is a problem. */
export function fillEnvironment(
  written: NonNullable<JobValues["env"]>,
  given: JobEnvironment,
  whereOf: (path: readonly PropertyKey[]) => string,
): {
  readonly environment: Readonly<Record<string, string>>;
  readonly problems: readonly Problem[];
} {
  const environment: Record<string, string> = {};
  const problems: Problem[] = [];
  for (const [key, value] of Object.entries({ ...written, ...given.values })) {
    const found = value ?? fromShell(key, given.shell);
    const badName = Object.hasOwn(given.values ?? {}, key) ? nameProblem(key) : undefined;
    if (badName !== undefined) problems.push({ where: `-e ${key}`, message: badName });
    else if (found === undefined) {
      const isFlag = given.values !== undefined && Object.hasOwn(given.values, key);
      problems.push(isFlag ? unsetFlag(key) : missingValue(key, whereOf(["env", key])));
    } else if (String(found).includes("\0")) {
      const message = `env.${key}: The value has a NUL character, which no environment can hold. Remove it.`;
      problems.push({ where: whereOf(["env", key]), message });
    } else environment[key] = String(found);
  }
  return { environment, problems };
}

function fromShell(key: string, shell: JobEnvironment["shell"] = {}): string | undefined {
  return Object.hasOwn(shell, key) ? shell[key] : undefined;
}

/** The job file's own names went through its schema; those of flags come here. */
function nameProblem(key: string): string | undefined {
  try {
    checkVariable(key);
    return undefined;
  } catch (error) {
    if (!GpujobError.is(error)) throw error;
    return `${error.message} ${error.failure.hint ?? ""}`.trim();
  }
}

function unsetFlag(key: string): Problem {
  const message = `${key} is not set in this shell. Write -e ${key}=VALUE, or set it with: export ${key}=VALUE`;
  return { where: `-e ${key}`, message };
}

function missingValue(key: string, where: string): Problem {
  const message = `env.${key} has no value and is not set in this shell. Give one at submit with -e ${key}=VALUE, or write one here.`;
  return { where, message };
}
