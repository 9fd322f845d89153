import { describeAdapter } from "@gpujob/adapter-kit/conformance";
import { createTestContext } from "@gpujob/adapter-kit/testing";
import rentedAdapter from "@gpujob/adapter-rented";
import { describe, it } from "vitest";
import { makeTestSsh } from "../support/ssh-connector.ts";

/**
 * The suite on a machine that you rented: `GPUJOB_LIVE=rented RENTED_SSH='ssh -p 34222 root@HOST' RENTED_PASSWORD=…
 * RENTED_SHEET=gpushare/rtx4090`. It rents nothing, and leaves a key and a small folder in the home of the machine.
 */
const {
  GPUJOB_LIVE: live,
  RENTED_SSH: command = "",
  RENTED_PASSWORD: text = "",
  RENTED_SHEET: sheet = "",
} = process.env;

const isAsked = live === "rented" && command !== "" && text !== "" && sheet !== "";
(isAsked ? describeOnMachine : describeSkipped)();

function describeOnMachine(): void {
  describeAdapter(rentedAdapter, {
    title: "rented on your machine",
    setup: async () => {
      const ssh = await makeTestSsh();
      const config = { hosts: [{ ssh: command, password: { env: "RENTED_PASSWORD" }, sheet }] };
      const secrets = { RENTED_PASSWORD: text };
      const context = createTestContext({ platform: "rented", connect: ssh.connect, secrets });
      return {
        platform: rentedAdapter.create(rentedAdapter.configSchema.parse(config), context),
        config,
        maxLeases: 1,
        pollMs: 1000,
        secrets: [text],
        close: () => ssh.remove(),
      };
    },
  });
}

function describeSkipped(): void {
  describe("rented on your machine", () => {
    // oxlint-disable-next-line vitest/expect-expect -- it only says why
    it("keeps the contract", ({ skip }) =>
      skip("it needs GPUJOB_LIVE=rented, RENTED_SSH, RENTED_PASSWORD and RENTED_SHEET"));
  });
}
