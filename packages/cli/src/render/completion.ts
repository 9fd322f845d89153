/** What a shell must know of one command. */
export interface CompletionCommand {
  readonly name: string;
  readonly summary: string;
  readonly flags: readonly {
    readonly name: string;
    readonly summary: string;
    readonly takesValue: boolean;
    readonly words: readonly string[];
  }[];
  /** Words that an argument may be. */
  readonly words: readonly string[];
  /** Is the first argument a run? */
  readonly takesRun: boolean;
}

/** The completion script of a shell; run ids are read from `gpujob ps -a -q` when asked for. */
export function renderCompletion(
  shell: string,
  commands: readonly CompletionCommand[],
): readonly string[] {
  if (shell === "zsh") return zsh(commands);
  return shell === "fish" ? fish(commands) : bash(commands);
}

const runIds = "gpujob ps -a -q 2>/dev/null";

function bash(commands: readonly CompletionCommand[]): readonly string[] {
  const names = commands.map(({ name }) => name).join(" ");
  return [
    "_gpujob() {",
    '  local cur="${COMP_WORDS[COMP_CWORD]}" command="" word',
    "  COMPREPLY=()",
    '  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do',
    '    case "$word" in -*) ;; *) command="$word"; break ;; esac',
    "  done",
    '  local flags="" words="" runs=""',
    '  case "$command" in',
    `    "") words="${names}"; flags="--help --version" ;;`,
    ...commands.map(({ name, flags, words, takesRun }) => {
      const parts = [
        `flags="${flags.map((flag) => `--${flag.name}`).join(" ")}"`,
        ...(words.length > 0 ? [`words="${words.join(" ")}"`] : []),
        ...(takesRun ? ["runs=yes"] : []),
      ];
      return `    ${name}) ${parts.join("; ")} ;;`;
    }),
    "  esac",
    '  case "$cur" in',
    '    -*) COMPREPLY=($(compgen -W "$flags" -- "$cur")) ;;',
    "    *)",
    `      [ -n "$runs" ] && words="$words $(${runIds})"`,
    '      COMPREPLY=($(compgen -W "$words" -- "$cur")) ;;',
    "  esac",
    "}",
    "complete -o default -o bashdefault -F _gpujob gpujob",
  ];
}

function zsh(commands: readonly CompletionCommand[]): readonly string[] {
  const text = (value: string): string => value.replaceAll(/[\\:[\]'"$`]/g, " ").trim();
  return [
    "#compdef gpujob",
    "_gpujob() {",
    "  local -a commands runs",
    "  commands=(",
    ...commands.map(({ name, summary }) => `    '${name}:${text(summary)}'`),
    "  )",
    "  if (( CURRENT == 2 )); then _describe 'command' commands; return; fi",
    '  case "$words[2]" in',
    ...commands.flatMap((command) => [
      `    ${command.name})`,
      "      _arguments -s \\",
      ...command.flags.map((flag) => {
        const value = flag.takesValue ? `:value:(${flag.words.join(" ")})` : "";
        return `        '--${flag.name}[${text(flag.summary)}]${value}' \\`;
      }),
      command.takesRun
        ? `        "*:run:($(${runIds}))"`
        : command.words.length > 0
          ? `        '*:word:(${command.words.join(" ")})'`
          : "        '*:file:_files'",
      "      ;;",
    ]),
    "  esac",
    "}",
    'if [ "$funcstack[1]" = "_gpujob" ]; then _gpujob "$@"; else compdef _gpujob gpujob; fi',
  ];
}

function fish(commands: readonly CompletionCommand[]): readonly string[] {
  const quote = (value: string): string =>
    `'${value.replaceAll("\\", "\\\\").replaceAll("'", String.raw`\'`)}'`;
  return commands.flatMap(({ name, summary, flags, words, takesRun }) => {
    const on = `complete -c gpujob -n '__fish_seen_subcommand_from ${name}'`;
    return [
      `complete -c gpujob -n __fish_use_subcommand -f -a ${name} -d ${quote(summary)}`,
      ...flags.map((flag) => {
        const value = flag.takesValue
          ? ` -r${flag.words.length > 0 ? ` -f -a '${flag.words.join(" ")}'` : ""}`
          : "";
        return `${on} -l ${flag.name}${value} -d ${quote(flag.summary)}`;
      }),
      ...(words.length > 0 ? [`${on} -f -a '${words.join(" ")}'`] : []),
      ...(takesRun ? [`${on} -f -a '(${runIds})'`] : []),
    ];
  });
}
