import type { Failure } from "@gpujob/spec";
import type { CommandContext } from "./context.ts";
import type { View } from "./render/view.ts";

interface FlagBase {
  /** One letter for `-x`. */
  readonly char?: string;
  readonly summary: string;
  readonly hidden?: boolean;
}

/** A flag without a value. */
export interface BooleanFlag extends FlagBase {
  readonly type: "boolean";
}

/** A flag with one value, read by `read`, which throws a `GpujobError` of kind `usage` on a bad one. */
export interface OptionFlag<Value> extends FlagBase {
  readonly type: "option";
  readonly multiple: false;
  readonly helpValue: string;
  readonly options?: readonly string[];
  readonly read: (text: string, flag: string) => Value;
}

/** A flag that may be given several times. */
export interface ListFlag<Value> extends FlagBase {
  readonly type: "option";
  readonly multiple: true;
  readonly helpValue: string;
  readonly options?: readonly string[];
  readonly read: (text: string, flag: string) => Value;
}

export type Flag = BooleanFlag | OptionFlag<unknown> | ListFlag<unknown>;
export type FlagSet = Readonly<Record<string, Flag>>;

/** A word of the command line that is not a flag. */
export interface Argument {
  readonly summary: string;
  readonly required?: boolean;
  /** Takes all that is left; only the last one may. */
  readonly multiple?: boolean;
  readonly options?: readonly string[];
}
export type ArgumentSet = Readonly<Record<string, Argument>>;

type FlagValue<F> = F extends BooleanFlag
  ? boolean
  : F extends ListFlag<infer Value>
    ? readonly Value[]
    : F extends OptionFlag<infer Value>
      ? Value | undefined
      : never;

/** Absent options are `undefined`, absent lists empty, absent booleans false. */
export type FlagValues<F extends FlagSet> = { readonly [Name in keyof F]: FlagValue<F[Name]> };

type ArgumentValue<A extends Argument> = A extends { readonly multiple: true }
  ? readonly string[]
  : A extends { readonly required: true }
    ? string
    : string | undefined;
export type ArgumentValues<A extends ArgumentSet> = {
  readonly [Name in keyof A]: ArgumentValue<A[Name]>;
};

/** What the user wrote, read and checked. */
export interface Line<F extends FlagSet, A extends ArgumentSet> {
  readonly flags: FlagValues<F>;
  readonly args: ArgumentValues<A>;
  /** Everything after `--`. */
  readonly rest: readonly string[];
}

/** What a command has to say. `data` is what `--json` prints and part of the public interface. */
export interface Outcome<Data> {
  readonly data: Data;
  /** The same for people, one line each; absent: nothing is printed. */
  readonly lines?: (view: View) => readonly string[];
  /** @default 0, or what `failure` maps to */
  readonly exitCode?: number;
  /** gpujob did not do its part: `ok` is false, `data` is kept. */
  readonly failure?: Failure;
  /** The command has printed its own lines; no envelope follows. */
  readonly isStreamed?: boolean;
}

/** One command: its line, its help and what it does. */
export interface Command<F extends FlagSet, A extends ArgumentSet, Result> {
  readonly name: string;
  readonly summary: string;
  readonly description?: string;
  readonly examples: readonly string[];
  readonly flags: F;
  readonly args: A;
  /** Are words after `--` taken? Their name in the usage line. */
  readonly rest?: string;
  readonly hidden?: boolean;
  readonly run: (line: Line<F, A>, context: CommandContext) => Promise<Result>;
}

/** Any command, for the table and the dispatcher. */
export interface AnyCommand extends Omit<Command<FlagSet, ArgumentSet, unknown>, "run"> {
  readonly run: (
    line: { readonly flags: never; readonly args: never; readonly rest: readonly string[] },
    context: CommandContext,
  ) => Promise<Outcome<unknown>>;
}

/** Fixes the types of a command's flags and arguments. */
export function defineCommand<
  const F extends FlagSet,
  const A extends ArgumentSet,
  Result extends Outcome<unknown>,
>(command: Command<F, A, Result>): Command<F, A, Result> {
  return command;
}
