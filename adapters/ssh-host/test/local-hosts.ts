import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createTestContext,
  localChannel,
  makeFaultySteps,
  type FaultySteps,
} from "@gpujob/adapter-kit/testing";
import type { AdapterContext, Connect, LeaseRequest, Offer, Platform } from "@gpujob/spec";
import sshHostAdapter from "../src/index.ts";

/** Hosts that are this machine, each with a folder of its own for reservations. */
export interface LocalHosts {
  readonly platform: Platform;
  readonly config: unknown;
  /** The folder of reservations that all hosts without one of their own share. */
  readonly folder: string;
  /** Ends what still holds cards, and removes the folder. */
  readonly close: () => Promise<void>;
}

/** This machine, whose next step can be made to go wrong. */
export function makeFaultyHosts(): FaultySteps {
  // The script's words: `/bin/sh -c SCRIPT gpujob FOLDER STEP …`.
  return makeFaultySteps(async () => localChannel({ env: process.env }), 5);
}

/** Makes a platform of local hosts. `hosts` is as in the configuration; `reservations` is filled in. */
export async function startLocalHosts(
  hosts: readonly Readonly<Record<string, unknown>>[],
  over: {
    readonly context?: Partial<AdapterContext>;
    readonly env?: NodeJS.ProcessEnv;
    readonly folder?: string;
  } = {},
): Promise<LocalHosts> {
  const folder = over.folder ?? (await mkdtemp(join(tmpdir(), "gpujob-ssh-host-")));
  const config = {
    hosts: hosts.map((host, index) => ({ reservations: join(folder, `host${index}`), ...host })),
  };
  const connect: Connect = async () => localChannel({ env: over.env ?? process.env });
  const context = createTestContext({
    platform: "lab",
    connect,
    secrets: { LAB_PASSWORD: "hunter2" },
    ...over.context,
  });
  const platform = sshHostAdapter.create(sshHostAdapter.configSchema.parse(config), context);
  const close = async (): Promise<void> => {
    const wait = { signal: AbortSignal.timeout(20_000) };
    for (const installation of ["conforma", "another1", "testtest"]) {
      const leases = await platform.listLeases({ installation }, wait);
      await Promise.all(leases.map(({ leaseId }) => platform.releaseLease(leaseId, wait)));
    }
    await rm(folder, { recursive: true, force: true });
  };
  return { platform, config, folder, close };
}

let count = 0;

/** A request of the installation `testtest` with a key of its own. */
export function requestFor(offer: Offer, over: Partial<LeaseRequest> = {}): LeaseRequest {
  count += 1;
  const endsAtMs = Date.now() + 600_000;
  return {
    leaseKey: `key${count}`.padEnd(32, "x"),
    ownership: {
      installation: "testtest",
      run: `run${count}`,
      attempt: 1,
      member: 0,
      expires: Math.floor(endsAtMs / 1000),
    },
    offer,
    nodes: 1,
    diskGib: 10,
    sshPublicKey: "ssh-ed25519 AAAA test",
    endsAt: new Date(endsAtMs).toISOString(),
    ...over,
  };
}
