/** One answer of a question with a few. */
export interface Choice<Value> {
  readonly value: Value;
  readonly name: string;
}

/** Questions on a terminal. Each rejects when the person presses Ctrl-C. */
export interface Prompts {
  confirm(question: string, options?: { readonly isYes?: boolean }): Promise<boolean>;
  text(question: string, options?: { readonly initial?: string }): Promise<string>;
  /** Typed without being shown. */
  secret(question: string): Promise<string>;
  /** Answers `fallback` when nobody chose within `timeoutMs`. */
  choose<Value>(
    question: string,
    choices: readonly Choice<Value>[],
    options?: { readonly timeoutMs: number; readonly fallback: Value },
  ): Promise<Value>;
}

/** Questions on the terminal of the process, written to stderr so that stdout stays data. */
export function createPrompts(): Prompts {
  const output = { output: process.stderr };
  return {
    confirm: async (message, { isYes = false } = {}) => {
      const { confirm } = await import("@inquirer/prompts");
      return confirm({ message, default: isYes }, output);
    },
    text: async (message, { initial } = {}) => {
      const { input } = await import("@inquirer/prompts");
      return input({ message, ...(initial === undefined ? {} : { default: initial }) }, output);
    },
    secret: async (message) => {
      const { password } = await import("@inquirer/prompts");
      return password({ message }, output);
    },
    choose: async (message, choices, options) => {
      const { select } = await import("@inquirer/prompts");
      const question = { message, choices: [...choices] };
      if (!options) return select(question, output);
      const signal = AbortSignal.timeout(options.timeoutMs);
      return select(question, { ...output, signal, clearPromptOnDone: true }).catch(
        (error: unknown) => {
          if (signal.aborted) return options.fallback;
          throw error;
        },
      );
    },
  };
}

/** Was a question left with Ctrl-C? */
export function isPromptExit(error: unknown): boolean {
  return error instanceof Error && error.name === "ExitPromptError";
}
