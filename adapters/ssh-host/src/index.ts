import { defineAdapter } from "@gpujob/adapter-kit";
import type { AdapterDefinition } from "@gpujob/spec";
import { createSshHostPlatform } from "./adapter.ts";
import { configSchema, type SshHostConfig } from "./config.ts";

/** `adapter: ssh-host`: machines of the user's own, shared by all who may log in there. */
const sshHostAdapter: AdapterDefinition<SshHostConfig> = defineAdapter<SshHostConfig>({
  id: "ssh-host",
  title: "Machines of your own",
  contractVersion: 1,
  configSchema,
  capabilities: {
    release: "owned",
    // Never: others may be using the machine.
    powerOff: "none",
    idempotency: "name",
    // A reservation ends by itself, so that a driver that is gone for good does not block the cards.
    autoRelease: true,
    // A reservation can be read as soon as it is made.
    visibilityWindowMs: 1_000,
    multiNode: "gang",
    tagging: "name",
    markets: ["on-demand"],
    // Where a host has it: each says so itself.
    docker: true,
  },
  create: createSshHostPlatform,
});

export default sshHostAdapter;
