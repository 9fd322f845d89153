import { GpujobError } from "./errors.ts";

/** Where an SSH connection goes, as its user wrote it: what is absent was not said. */
export interface SshTarget {
  /** Host name, address, or a name of the user's SSH configuration. */
  readonly host: string;
  readonly port?: number;
  readonly user?: string;
}

/**
 * Reads what people write or paste: `lab1`, `user@host`, `user@host:2222`, `[::1]:22`, `ssh://user@host:22`,
 * `ssh -p 34222 root@host`. Throws `config_invalid` that names the text and what is wrong with it.
 */
export function parseSshTarget(text: string): SshTarget {
  const words = text.trim().split(/\s+/);
  if (words[0] !== "ssh") {
    if (words.length !== 1)
      throw invalid(text, "it has more than one word and does not begin with ssh");
    return readAddress(text, words[0] ?? "");
  }
  return readCommand(text, words.slice(1));
}

/** The words after `ssh`: an address and the options `-p` and `-l`, in any order. */
function readCommand(text: string, words: readonly string[]): SshTarget {
  const found: { address?: string; port?: number; user?: string } = {};
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] ?? "";
    const option = /^-([pl])(.*)$/.exec(word);
    if (option !== null) {
      const value = option[2] || (words[(index += 1)] ?? "");
      if (option[1] === "p") found.port = readPort(text, value);
      else found.user = readUser(text, value);
    } else if (word.startsWith("-")) {
      throw invalid(
        text,
        `the option ${word} is not read here; key, jump and password have settings of their own`,
      );
    } else if (found.address === undefined) {
      found.address = word;
    } else {
      throw invalid(text, `after the address stands ${word}`);
    }
  }
  const { address, ...given } = found;
  if (address === undefined) throw invalid(text, "it names no host");
  return { ...readAddress(text, address), ...given };
}

function readAddress(text: string, address: string): SshTarget {
  const bare = address.replace(/^ssh:\/\//, "").replace(/\/$/, "");
  const at = bare.lastIndexOf("@");
  const user = at < 0 ? {} : { user: readUser(text, bare.slice(0, at)) };
  const place = bare.slice(at + 1);
  const bracketed = /^\[([^\]]+)\](?::(.*))?$/.exec(place);
  const plain = /^([^:]*)(?::([^:]*))?$/.exec(place);
  // More than one colon and no brackets: an IPv6 address without a port.
  const host = bracketed?.[1] ?? plain?.[1] ?? place;
  const port = bracketed?.[2] ?? plain?.[2];
  // A host that begins with "-" would be an option to any program that it is handed to.
  if (!/^[^\s\p{Cc}@/\\'"$`;|&<>()-][^\s\p{Cc}@/\\'"$`;|&<>()]*$/u.test(host))
    throw invalid(text, `${JSON.stringify(host)} is no host name`);
  return { host, ...user, ...(port === undefined ? {} : { port: readPort(text, port) }) };
}

function readPort(text: string, value: string): number {
  const port = Number(value);
  if (!/^\d+$/.test(value) || port < 1 || port > 65_535)
    throw invalid(text, `${JSON.stringify(value)} is no port`);
  return port;
}

function readUser(text: string, value: string): string {
  if (!/^[^\s\p{Cc}:-][^\s\p{Cc}:]*$/u.test(value))
    throw invalid(text, `${JSON.stringify(value)} is no user name`);
  return value;
}

function invalid(text: string, why: string): GpujobError {
  return new GpujobError(
    "config_invalid",
    `${JSON.stringify(text)} cannot be read as an SSH address: ${why}.`,
    {
      hint: "Write it as user@host:port, as a name from ~/.ssh/config, or as ssh -p PORT user@host.",
    },
  );
}
