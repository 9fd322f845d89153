import { GpujobError, parseSshTarget, type SshTarget } from "@gpujob/spec";
import { parse } from "ssh-config";
import { expandPath, type SshFiles } from "./files.ts";

/** An address with everything filled in that the user's SSH configuration says of it. */
export interface ResolvedTarget {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Absolute paths from `IdentityFile`, in order; empty: the usual ones. */
  readonly identityFiles: readonly string[];
  /** From `ProxyJump`, nearest first. */
  readonly jumps: readonly SshTarget[];
  /** From `UserKnownHostsFile`; absent: the usual ones. */
  readonly knownHostsFiles?: readonly string[];
  /** The name under which known_hosts keeps the key, where it is not the host. */
  readonly hostKeyAlias?: string;
}

const deepestInclude = 8;

/**
 * Looks an address up in `~/.ssh/config`. What the address says itself wins; then the configuration; then user name of this
 * machine and port 22. Files named by `Include` are read too; `Match exec` is never run.
 * Throws `config_invalid` where the text is no address, or where the configuration asks for what we cannot do (`ProxyCommand`).
 */
export async function resolveSshTarget(
  address: string | SshTarget,
  options: { readonly files: SshFiles },
): Promise<ResolvedTarget> {
  const target = typeof address === "string" ? parseSshTarget(address) : address;
  const { files } = options;
  const text = await readConfig(`${files.home}/.ssh/config`, files, 0);
  const found = computeConfig(text, target);
  const one = (name: string): string | undefined => readValues(found, name)[0];
  refuseProxyCommand(target.host, one("proxycommand"));
  const names = new Map([
    ["%h", one("hostname") ?? target.host],
    ["%n", target.host],
    ["%d", files.home],
    ["%u", files.userName],
    ["%%", "%"],
  ]);
  const fill = (value: string): string =>
    value.replace(/%./g, (token) => names.get(token) ?? token);
  const jump = one("proxyjump");
  const knownHosts = readValues(found, "userknownhostsfile").flatMap((value) => value.split(/\s+/));
  const alias = one("hostkeyalias");
  return {
    host: fill(one("hostname") ?? target.host),
    port: target.port ?? Number(one("port") ?? 22),
    user: target.user ?? one("user") ?? files.userName,
    identityFiles: readValues(found, "identityfile").map((path) =>
      expandPath(fill(path), files.home),
    ),
    jumps:
      jump === undefined || jump.toLowerCase() === "none"
        ? []
        : jump.split(",").map((hop) => parseSshTarget(hop)),
    ...(knownHosts.length === 0
      ? {}
      : { knownHostsFiles: knownHosts.map((path) => expandPath(fill(path), files.home)) }),
    ...(alias === undefined ? {} : { hostKeyAlias: fill(alias) }),
  };
}

function computeConfig(
  text: string,
  target: SshTarget,
): Readonly<Record<string, string | string[]>> {
  try {
    const config = parse(text);
    const query = {
      Host: target.host,
      ...(target.user === undefined ? {} : { User: target.user }),
    };
    return config.compute(query, { ignoreCase: true, matchExec: false });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new GpujobError("config_invalid", `~/.ssh/config cannot be read: ${why}.`, {
      hint: "`ssh -G NAME` shows what ssh makes of it.",
      cause: error,
    });
  }
}

function readValues(
  found: Readonly<Record<string, string | string[]>>,
  name: string,
): readonly string[] {
  const value = found[name];
  if (value === undefined) return [];
  return typeof value === "string" ? [value] : value;
}

/** A command of the user's would have to be run on this machine; jumps do without. */
function refuseProxyCommand(host: string, command: string | undefined): void {
  if (command === undefined || command.toLowerCase() === "none") return;
  throw new GpujobError(
    "config_invalid",
    `~/.ssh/config reaches ${host} through a ProxyCommand, which is not run here.`,
    {
      hint: "Use `ProxyJump user@bastion` in its place, or `jump:` in gpujob's configuration.",
    },
  );
}

/** The configuration's text with every `Include` replaced by its file. Globs in names are not followed. */
async function readConfig(path: string, files: SshFiles, depth: number): Promise<string> {
  const text = (await files.read(path)) ?? "";
  if (depth >= deepestInclude) return "";
  const lines = await Promise.all(
    text.split("\n").map(async (line) => {
      const include = /^\s*include[\s=]+(.+?)\s*$/i.exec(line)?.[1];
      if (include === undefined) return line;
      const paths = include
        .split(/\s+/)
        .map((name) => includePath(name.replaceAll('"', ""), files.home));
      return (await Promise.all(paths.map((name) => readConfig(name, files, depth + 1)))).join(
        "\n",
      );
    }),
  );
  return lines.join("\n");
}

function includePath(name: string, home: string): string {
  const place = expandPath(name, home);
  return place.startsWith("/") ? place : `${home}/.ssh/${place}`;
}
