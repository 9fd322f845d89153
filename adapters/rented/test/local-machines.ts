import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createTestContext,
  localChannel,
  makeFaultySteps,
  type FaultySteps,
} from "@gpujob/adapter-kit/testing";
import type { AdapterContext, Connect, NodeAccess, Platform } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";
import rentedAdapter from "../src/index.ts";

/** Rented machines that are this one, each with a home of its own. */
export interface LocalMachines extends Pick<FaultySteps, "next" | "hasHung"> {
  readonly platform: Platform;
  readonly config: unknown;
  /** The home of a machine, by its address. */
  readonly homeOf: (address: string) => string;
  /** Every connection that was asked for. */
  readonly asked: readonly (NodeAccess & { readonly kind: "ssh" })[];
  /** Machines that do not answer any more, by address. */
  readonly silent: Set<string>;
  readonly close: () => Promise<void>;
}

/** Makes a platform of local machines; `hosts` is as in the configuration. */
export async function startLocalMachines(
  hosts: readonly Readonly<Record<string, unknown>>[],
  over: Partial<AdapterContext> = {},
): Promise<LocalMachines> {
  const folder = await mkdtemp(join(tmpdir(), "gpujob-rented-"));
  const homeOf = (address: string): string => join(folder, address);
  const asked: (NodeAccess & { readonly kind: "ssh" })[] = [];
  const silent = new Set<string>();
  const connect: Connect = async (access) => {
    asked.push(access);
    if (silent.has(access.host))
      throw new PlatformError("unreachable", `${access.host}: no answer`, { scope: "host" });
    await mkdir(homeOf(access.host), { recursive: true });
    return localChannel({ env: { ...process.env, HOME: homeOf(access.host) } });
  };
  // The script's words: `/bin/sh -c SCRIPT gpujob STEP …`.
  const faulty = makeFaultySteps(connect, 4);
  const context = createTestContext({
    platform: "rented",
    connect: faulty.connect,
    stateFolder: join(folder, "state"),
    secrets: { RENTED_PASSWORD: "correct-horse" },
    ...over,
  });
  const config = { hosts };
  const platform = rentedAdapter.create(rentedAdapter.configSchema.parse(config), context);
  const close = (): Promise<void> => rm(folder, { recursive: true, force: true });
  const { next, hasHung } = faulty;
  return { platform, config, homeOf, asked, silent, close, next, hasHung };
}
