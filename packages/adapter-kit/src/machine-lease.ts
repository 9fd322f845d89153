import type { Lease, LeaseState, Money, NodeAccess } from "@gpujob/spec";
import { parseSshTarget, Secret } from "@gpujob/spec";
import { z } from "zod";
import { ownerOfName } from "./named-machines.ts";
import { omitUndefined } from "./omit-undefined.ts";

/** A login command such as `ssh -p 34222 root@203.0.113.7`, as platforms show it; absent and empty while there is none. */
export const sshCommandSchema = z
  .string()
  .nullish()
  .transform((text, issues) => {
    if (text === null || text === undefined || text.trim() === "") return undefined;
    try {
      return parseSshTarget(text);
    } catch {
      issues.addIssue({ code: "custom", message: `"${text}" is no login command` });
      return z.NEVER;
    }
  });

/** How a rented machine is reached by password; `undefined` while the platform has not told all of it. */
export function passwordAccess(login: {
  readonly host?: string | null | undefined;
  /** @default 22 */
  readonly port?: number | null | undefined;
  /** @default "root" */
  readonly user?: string | undefined;
  readonly password?: string | null | undefined;
}): NodeAccess | undefined {
  const { host, port, user = "root", password } = login;
  if (!host || !password) return undefined;
  return {
    kind: "ssh",
    host,
    port: port ?? 22,
    user,
    auth: { kind: "password", password: new Secret(password) },
    // An address may be a new machine with each lease: what known_hosts says of it is about another one.
    hostKeyPolicy: "first-use",
    mayInstallKey: true,
  };
}

/** What a platform tells of one machine; what it does not tell is `undefined`. */
export interface MachineFacts {
  readonly leaseId: string;
  /** That ownership is read from. */
  readonly name?: string | null | undefined;
  readonly leaseKey?: string | undefined;
  readonly state: LeaseState;
  readonly isBillable: boolean;
  readonly pricePerHour?: Money | undefined;
  readonly startedAt?: string | undefined;
  readonly endedAt?: string | undefined;
  readonly reason?: string | undefined;
  readonly access?: NodeAccess | undefined;
  /** See `Node`. */
  readonly root?: string | undefined;
}

/** A machine as a lease of one node. It is not `up` before it can be reached, and shows how only while it is. */
export function toMachineLease(facts: MachineFacts): Lease {
  const { name, access, root, state: told, ...rest } = facts;
  const state = told === "up" && access === undefined ? "pending" : told;
  const shown = state === "up" ? access : undefined;
  const node = omitUndefined({ nodeId: facts.leaseId, rank: 0, root, access: shown });
  return omitUndefined({ ...rest, ownership: ownerOfName(name), state, nodes: [node] });
}
