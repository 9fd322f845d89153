import type { SshJump } from "@gpujob/spec";
import type { SshAccess } from "./route.ts";

/**
 * The words with which a person's own `ssh` would reach the same machine, for `gpujob ssh --print`. Without keys and
 * passwords; addresses that the user wrote stay as written, so that their SSH configuration is asked again.
 */
export function toSshCommand(access: SshAccess): readonly string[] {
  const { host, port, user } = written(access);
  const jumps = access.jumps ?? [];
  const way = jumps.length === 0 ? [] : ["-J", jumps.map(toJumpText).join(",")];
  const key = access.auth.kind === "key-file" ? ["-i", access.auth.path] : [];
  const at = user === undefined ? host : `${user}@${host}`;
  return ["ssh", ...key, ...way, ...(port === undefined ? [] : ["-p", String(port)]), at];
}

interface Written {
  readonly host: string;
  readonly port?: number;
  readonly user?: string;
}

function written({ target, host, port, user }: SshAccess | SshJump): Written {
  return target ?? { host, port, user };
}

function toJumpText(jump: SshJump): string {
  const { host, port, user } = written(jump);
  const place = host.includes(":") ? `[${host}]` : host;
  return `${user === undefined ? "" : `${user}@`}${place}${port === undefined ? "" : `:${port}`}`;
}
