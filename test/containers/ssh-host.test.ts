import { describeAdapter } from "@gpujob/adapter-kit/conformance";
import { createTestContext } from "@gpujob/adapter-kit/testing";
import sshHostAdapter from "@gpujob/adapter-ssh-host";
import type { LeaseRequest, Offer, Platform } from "@gpujob/spec";
import { afterAll, beforeAll, describe, it, onTestFinished } from "vitest";
import { makeTestSsh, type TestSsh } from "../support/ssh-connector.ts";
import { startSshHost, type SshHost } from "../support/ssh-hosts.ts";

let ssh: TestSsh;

beforeAll(async () => {
  ssh = await makeTestSsh();
});
afterAll(() => ssh.remove());

async function startHost(image: "full" | "busybox" = "full"): Promise<SshHost> {
  const authorizedKey = ssh.ours.publicKey;
  return startSshHost({
    image,
    users: ["ada", "ben", "root"].map((name) => ({ name, authorizedKey })),
  });
}

interface Lab {
  readonly platform: Platform;
  readonly config: unknown;
}

/** A platform of one user of these hosts. Whatever key the configuration says, the test's own is used. */
function makeLab(
  hosts: readonly SshHost[],
  user: string,
  more: Readonly<Record<string, unknown>> = { gpu: "RTX4090:24GB:2" },
): Lab {
  const config = {
    hosts: hosts.map((host) => ({
      ssh: `${user}@${host.host}:${host.port}`,
      hostKey: host.hostKeyFingerprint,
      ...more,
    })),
  };
  const context = createTestContext({
    platform: `lab-${user}`,
    connect: (access, wait) => ssh.connect({ ...access, auth: { kind: "our-key" } }, wait),
  });
  return {
    platform: sshHostAdapter.create(sshHostAdapter.configSchema.parse(config), context),
    config,
  };
}

const wait = { signal: AbortSignal.timeout(240_000) };
let count = 0;

function requestFor(offer: Offer, over: Partial<LeaseRequest> = {}): LeaseRequest {
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
    sshPublicKey: ssh.ours.publicKey,
    endsAt: new Date(endsAtMs).toISOString(),
    ...over,
  };
}

async function offerOf({ platform }: Lab, cards: number): Promise<Offer> {
  const offers = await platform.listOffers({}, wait);
  const found = offers.find(
    ({ offerId }) => offerId.endsWith(`-x${cards}`) && !offerId.startsWith("any-"),
  );
  if (found === undefined) throw new Error(`There is no offer of ${cards} cards.`);
  return found;
}

describeAdapter(sshHostAdapter, {
  title: "ssh-host on a real OpenSSH server",
  setup: async () => {
    const local = await makeTestSsh();
    const host = await startSshHost({
      users: [{ name: "ada", authorizedKey: local.ours.publicKey }],
    });
    const config = {
      hosts: [
        {
          ssh: `ada@${host.host}:${host.port}`,
          gpu: "RTX4090:24GB:4",
          hostKey: host.hostKeyFingerprint,
        },
      ],
    };
    const context = createTestContext({
      platform: "lab",
      connect: (access, waiting) =>
        local.connect({ ...access, auth: { kind: "our-key" } }, waiting),
    });
    return {
      platform: sshHostAdapter.create(sshHostAdapter.configSchema.parse(config), context),
      config,
      chooseOffer: (offers) => offers.find(({ offerId }) => offerId.endsWith("-x1")),
      close: async () => {
        await host.destroy();
        await local.remove();
      },
    };
  },
});

describe("two users of one host", () => {
  it.for(["full", "busybox"] as const)(
    "never get the same card, however close they ask (%s)",
    async (image, { expect }) => {
      const host = await startHost(image);
      onTestFinished(() => host.destroy());
      const labs = ["ada", "ben", "root"].map((user) =>
        makeLab([host], user, { gpu: "RTX4090:24GB:4" }),
      );
      const asks = await Promise.all(
        labs.flatMap((lab) =>
          [0, 1, 2].map(async () => ({ lab, request: requestFor(await offerOf(lab, 1)) })),
        ),
      );
      const answers = await Promise.allSettled(
        asks.map(({ lab, request }) => lab.platform.createLease(request, wait)),
      );
      const cards = answers.flatMap((answer) =>
        answer.status === "fulfilled" ? (answer.value.nodes[0]?.cards ?? []) : [],
      );
      expect(cards.length).toBeGreaterThan(0);
      expect(new Set(cards).size).toBe(cards.length);
      for (const answer of answers) {
        if (answer.status === "rejected")
          expect(answer.reason).toMatchObject({ failure: { kind: "no_capacity" } });
      }
    },
  );

  it("see each other's cards as taken, and may not give them back", async ({ expect }) => {
    const host = await startHost();
    onTestFinished(() => host.destroy());
    const [ada, ben] = [makeLab([host], "ada"), makeLab([host], "ben")];
    const lease = await ada.platform.createLease(requestFor(await offerOf(ada, 1)), wait);
    const seen = await offerOf(ben, 1);
    expect(seen).toMatchObject({ availability: 1, notes: ["card 0 is held by ada"] });
    expect(await offerOf(ben, 2)).toMatchObject({ availability: "none" });
    const theirs = lease.leaseId.replace("ada-", "ben-");
    await expect(ben.platform.releaseLease(theirs, wait)).rejects.toMatchObject({
      failure: { kind: "forbidden" },
    });
    expect((await ada.platform.getLease(lease.leaseId, wait))?.state).toBe("up");
    expect(await ada.platform.releaseLease(lease.leaseId, wait)).toEqual({ state: "released" });
    expect(await offerOf(ben, 2)).toMatchObject({ availability: 1 });
    const next = await ben.platform.createLease(requestFor(await offerOf(ben, 2)), wait);
    expect(next.nodes[0]?.cards).toEqual([0, 1]);
  });

  it("find cards free again once their holder is gone, under the next number", async ({
    expect,
  }) => {
    const host = await startHost();
    onTestFinished(() => host.destroy());
    const [ada, ben] = [makeLab([host], "ada"), makeLab([host], "ben")];
    const { leaseId } = await ada.platform.createLease(requestFor(await offerOf(ada, 2)), wait);
    await host.exec(["pkill", "-9", "-f", "gpujob-holder"]);
    // The machine was not started anew, so this is a lost holder, and no proof that the job has ended.
    const lost = { state: "stopped", isBillable: false };
    expect(await ada.platform.getLease(leaseId, wait)).toMatchObject(lost);
    const next = await ben.platform.createLease(requestFor(await offerOf(ben, 2)), wait);
    expect(next.state).toBe("up");
    expect((await host.exec(["ls", "/tmp/gpujob"])).stdout).toMatch(/card-0\.2/);
    expect(await ada.platform.releaseLease(leaseId, wait)).toEqual({ state: "released" });
  });

  it("count a host that was started anew as the end of its leases", async ({ expect }) => {
    const host = await startHost();
    onTestFinished(() => host.destroy());
    const ada = makeLab([host], "ada");
    const lease = await ada.platform.createLease(requestFor(await offerOf(ada, 1)), wait);
    await host.exec([
      "sh",
      "-c",
      "for f in /tmp/gpujob/at-*/holder; do echo 00000000-0000-0000-0000-000000000000 1 1 >$f; done",
    ]);
    expect(await ada.platform.getLease(lease.leaseId, wait)).toMatchObject({
      state: "ended",
      reason: "the host was started anew",
    });
  });
});

describe("cards", () => {
  it("are read from the host where they are not declared, and those that others compute on are taken", async ({
    expect,
  }) => {
    const host = await startHost();
    onTestFinished(() => host.destroy());
    const tool = `#!/bin/sh
case "$*" in
  *query-gpu*) echo '0, GPU-a, 24564, 400, NVIDIA GeForce RTX 4090'; echo '1, GPU-b, 24564, 9000, NVIDIA GeForce RTX 4090'; echo '2, GPU-c, 24564, 3, NVIDIA GeForce RTX 4090' ;;
  *compute-apps*) echo 'GPU-c, 4711' ;;
esac`;
    await host.exec([
      "sh",
      "-c",
      `echo ${Buffer.from(tool).toString("base64")} | base64 -d >/usr/local/bin/nvidia-smi; chmod 755 /usr/local/bin/nvidia-smi`,
    ]);
    const lab = makeLab([host], "ada", {});
    const offer = await offerOf(lab, 1);
    expect(offer.gpu).toEqual({
      vendor: "nvidia",
      model: "RTX4090",
      vramGib: 24,
      count: 1,
      interconnect: "unknown",
    });
    expect(offer.availability).toBe(1);
    expect(offer.notes).toEqual([
      "card 1 is in use by other processes",
      "card 2 is in use by other processes",
    ]);
    expect((await lab.platform.createLease(requestFor(offer), wait)).nodes[0]?.cards).toEqual([0]);
  });
});

describe("several hosts", () => {
  it("are offered though one does not answer, and a gang spreads over those that are alike", async ({
    expect,
  }) => {
    const hosts = await Promise.all([startHost(), startHost(), startHost()]);
    onTestFinished(async () => void (await Promise.all(hosts.map((host) => host.destroy()))));
    const lab = makeLab(hosts, "ada");
    await hosts[2]?.kill();
    const offers = await lab.platform.listOffers({}, wait);
    const lost = offers.filter(
      ({ offerId }) => offerId.includes(`${hosts[2]?.host}-x`) && !offerId.startsWith("any-"),
    );
    expect(lost.map(({ availability }) => availability)).toEqual(["none", "none"]);
    expect(lost[0]?.notes?.join()).toMatch(/^lab-ada: ada/);
    const pool = offers.find(
      ({ offerId }) => offerId.startsWith("any-") && offerId.endsWith("-x1"),
    );
    if (pool === undefined) throw new Error("There is no pool.");
    expect(pool).toMatchObject({ availability: 4, maxNodes: 6 });
    const first = requestFor(pool);
    const second = requestFor(pool, { ownership: { ...first.ownership, member: 1 } });
    const leases = [
      await lab.platform.createLease(first, wait),
      await lab.platform.createLease(second, wait),
    ];
    expect(new Set(leases.map(({ nodes }) => nodes[0]?.internalAddress)).size).toBe(2);
    expect((await lab.platform.createLease(second, wait)).leaseId).toBe(leases[1]?.leaseId);
  });
});
