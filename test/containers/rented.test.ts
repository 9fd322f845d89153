import { describeAdapter } from "@gpujob/adapter-kit/conformance";
import { createTestContext } from "@gpujob/adapter-kit/testing";
import rentedAdapter from "@gpujob/adapter-rented";
import type { Platform } from "@gpujob/spec";
import { afterAll, describe, it, onTestFinished } from "vitest";
import { makeTestSsh } from "../support/ssh-connector.ts";
import { removeTestContainers, startSshHost } from "../support/ssh-hosts.ts";

afterAll(() => removeTestContainers());

const password = { env: "RENTED_PASSWORD" };
const secrets = { RENTED_PASSWORD: "rentedpassword" };

describeAdapter(rentedAdapter, {
  title: "rented on real OpenSSH servers",
  setup: async () => {
    const ssh = await makeTestSsh();
    const images = ["full", "busybox", "busybox", "busybox"] as const;
    const machines = await Promise.all(
      images.map((image) =>
        startSshHost({ image, users: [{ name: "root", password: secrets.RENTED_PASSWORD }] }),
      ),
    );
    const config = {
      hosts: machines.map(({ host, port }) => ({
        ssh: `ssh -p ${port} root@${host}`,
        password,
        sheet: "mornai/rtx4090",
      })),
    };
    const context = createTestContext({ platform: "rented", connect: ssh.connect, secrets });
    return {
      platform: rentedAdapter.create(rentedAdapter.configSchema.parse(config), context),
      config,
      secrets: [secrets.RENTED_PASSWORD],
      close: async () => {
        await Promise.all(machines.map((machine) => machine.destroy()));
        await ssh.remove();
      },
    };
  },
});

describe("a rented machine on a real OpenSSH server", () => {
  it("takes our key at the first login by password, and is free once it was started anew", async ({
    expect,
  }) => {
    const wait = { signal: AbortSignal.timeout(120_000) };
    const ssh = await makeTestSsh();
    const machine = await startSshHost({
      users: [{ name: "root", password: secrets.RENTED_PASSWORD }],
    });
    onTestFinished(async () => {
      await machine.destroy();
      await ssh.remove();
    });
    /** As its user configures it now: the address may change when it is started anew. */
    const open = (): Platform => {
      const command = `ssh -p ${machine.port} root@${machine.host}`;
      const hosts = [{ ssh: command, password, sheet: "mornai/rtx4090" }];
      const context = createTestContext({ platform: "rented", connect: ssh.connect, secrets });
      return rentedAdapter.create(rentedAdapter.configSchema.parse({ hosts }), context);
    };
    const platform = open();
    const [offer] = await platform.listOffers({}, wait);
    if (offer === undefined) throw new Error("There is no offer.");
    const { stdout } = await machine.exec(["cat", "/root/.ssh/authorized_keys"]);
    expect(stdout).toContain(ssh.ours.publicKey.split(" ")[1]);

    const ownership = { installation: "testtest", run: "aaaaaa", attempt: 1, member: 0 };
    const expires = Math.floor(Date.now() / 1000) + 3600;
    const lease = await platform.createLease(
      {
        leaseKey: "a".repeat(32),
        ownership: { ...ownership, expires },
        offer,
        nodes: 1,
        diskGib: 1,
        sshPublicKey: ssh.ours.publicKey,
        endsAt: new Date(expires * 1000).toISOString(),
      },
      wait,
    );
    expect(lease.state).toBe("up");
    expect((await platform.listOffers({}, wait))[0]?.availability).toBe("none");
    await machine.restart();
    const again = open();
    const leases = await again.listLeases({ installation: "testtest" }, wait);
    expect(leases).toMatchObject([
      { leaseKey: lease.leaseKey, state: "stopped", isBillable: true },
    ]);
    expect((await again.listOffers({}, wait))[0]?.availability).toBe(1);
  });
});
