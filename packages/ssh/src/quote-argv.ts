import { PlatformError } from "@gpujob/spec";

/**
 * An argument vector as text for POSIX `sh`: every word in single quotes, so that no byte of it means anything.
 * The one function for it: whatever reaches a shell goes through here.
 * Throws `contract_violation` for an empty vector and for NUL, which no argument vector can carry.
 */
export function quoteArgv(argv: readonly string[]): string {
  if (argv.length === 0) throw violation("An empty argument vector cannot be run.");
  return argv.map(quoteWord).join(" ");
}

function quoteWord(word: string): string {
  if (word.includes("\0")) throw violation("An argument with a NUL byte cannot be run.");
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Most bytes in one word of the command line: old csh cuts words off near 1,000. */
const chunkBytes = 500;

/**
 * A command line that every log-in shell (sh, bash, zsh, fish, csh, tcsh) reads alike, and that runs `argv` in place of
 * itself under `/bin/sh`. Before that, where a mark is given, both outputs get one line `MARK:PID`, so that whatever the
 * shell's start-up files print can be told from what the program prints. PID is the program's, and its process group's.
 *
 * Only letters, digits and a few signs are left plain: `'`, `\`, `!`, line ends and bytes beyond ASCII mean different
 * things to different shells, so they travel as octal and are read back by `printf`.
 */
export function enterShell(argv: readonly string[], mark?: string): string {
  const program = argv[0] ?? "";
  if (program === "" || program.startsWith("-")) {
    throw violation(
      `${JSON.stringify(program)} cannot be run: a program's name is not empty and does not begin with "-".`,
    );
  }
  const line = `printf "%s:%s\\n" ${mark} $$`;
  const begin = mark === undefined ? "" : `${line}; ${line} >&2; `;
  const script = `${begin}eval "$(printf %b "$@")"`;
  const words = encode(`exec ${quoteArgv(argv)}`).map((word) => `'${word}'`);
  const command = `exec /bin/sh -c '${script}' sh ${words.join(" ")}`;
  if (command.length > mostBytes) {
    throw violation(
      `The command \`${program}\` is too long (${command.length} bytes as sent, ${mostBytes} at most): send what is long through its standard input.`,
    );
  }
  return command;
}

// Linux takes no single argument of 128 KiB or more, and the whole command is one for the log-in shell.
const mostBytes = 131_000;

/** Bytes that mean the same inside single quotes in every shell, and nothing to `printf %b`. */
const plain = /[A-Za-z0-9 @%+=:,./_"$;|&<>(){}[\]*?~#^-]/;

function encode(text: string): string[] {
  const words: string[] = [];
  let word = "";
  for (const byte of Buffer.from(text)) {
    const letter = String.fromCharCode(byte);
    word += plain.test(letter) ? letter : `\\0${byte.toString(8).padStart(3, "0")}`;
    if (word.length < chunkBytes) continue;
    words.push(word);
    word = "";
  }
  return word === "" ? words : [...words, word];
}

function violation(message: string): PlatformError {
  return new PlatformError("contract_violation", message, { operation: "exec" });
}
