import { readdir, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { FaultTarget, FaultySteps } from "@gpujob/adapter-kit/testing";
import type { Lease, Offer, PlatformErrorKind } from "@gpujob/spec";
import { GpujobError, PlatformError, toFailure } from "@gpujob/spec";
import { describe, it, onTestFinished } from "vitest";
import { configSchema } from "../src/config.ts";
import { makeFaultyHosts, requestFor, startLocalHosts, type LocalHosts } from "./local-hosts.ts";

const wait = { signal: AbortSignal.timeout(100_000) };

interface Lab extends LocalHosts {
  readonly faults: FaultySteps;
  readonly offer: (offerId: string) => Promise<Offer>;
  readonly reservations: string;
}

async function startLab(
  hosts: readonly Readonly<Record<string, unknown>>[] = [{ ssh: "root@a", gpu: "RTX4090:24GB:2" }],
): Promise<Lab> {
  const faults = makeFaultyHosts();
  const lab = await startLocalHosts(hosts, { context: { connect: faults.connect } });
  onTestFinished(lab.close);
  const offer = async (offerId: string): Promise<Offer> => {
    const found = (await lab.platform.listOffers({}, wait)).find((one) => one.offerId === offerId);
    if (found === undefined) throw new Error(`There is no ${offerId}.`);
    return found;
  };
  return { ...lab, faults, offer, reservations: join(lab.folder, "host0") };
}

/** The files of a lease on its host. */
async function folderOf(lab: Lab, { leaseKey = "" }: Lease): Promise<string> {
  return join(lab.reservations, await readlink(join(lab.reservations, `lease-${leaseKey}`)));
}

async function killHolder(lab: Lab, lease: Lease): Promise<void> {
  const [, pid] = (await readFile(join(await folderOf(lab, lease), "holder"), "utf8")).split(" ");
  process.kill(Number(pid), "SIGKILL");
}

describe("offers", () => {
  it("are one for each number of cards, priced by their share of the host", async ({ expect }) => {
    const lab = await startLab([
      { ssh: "root@a", gpu: "RTX4090:24GB:4", price: "2 CNY/h", cards: [1, 2, 3] },
    ]);
    const offers = await lab.platform.listOffers({}, wait);
    expect(offers.map(({ offerId, availability }) => [offerId, availability])).toEqual([
      ["root-a-x1", 3],
      ["root-a-x2", 1],
      ["root-a-x3", 1],
    ]);
    expect(
      (await lab.platform.createLease(requestFor(await lab.offer("root-a-x2")), wait)).nodes[0]
        ?.cards,
    ).toEqual([1, 2]);
    expect((await lab.offer("root-a-x1")).availability).toBe(1);
    expect((await lab.offer("root-a-x2")).availability).toBe("none");
  });

  it("cost nothing in the user's currency where no price is said", async ({ expect }) => {
    expect((await (await startLab()).offer("root-a-x1")).price.perHour).toEqual({
      currency: "CNY",
      micros: 0,
    });
  });
});

describe("several hosts", () => {
  const never = new Promise<never>(() => undefined);

  it("are looked at side by side: those that fail or never answer are named, and hide no other", async ({
    expect,
  }) => {
    const faults = makeFaultyHosts();
    const lab = await startLocalHosts(
      [
        { ssh: "root@alive", gpu: "RTX4090:24GB:1" },
        { ssh: "root@silent:2222", gpu: "RTX4090:24GB:1" },
        { ssh: "root@keyless", gpu: "RTX4090:24GB:1", key: "/nowhere/key" },
        { ssh: "root@stuck", password: { command: "sleep 600" } },
      ],
      {
        context: {
          // Neither hears its signal.
          resolveSecret: () => never,
          connect: async (access, limit) => {
            if (access.host === "silent") return never;
            if (access.host === "keyless")
              throw new GpujobError("config_invalid", "The key /nowhere/key is not there.", {
                hint: "Make it with ssh-keygen.",
              });
            return faults.connect(access, limit);
          },
        },
      },
    );
    onTestFinished(() => rm(lab.folder, { recursive: true, force: true }));
    const offers = await lab.platform.listOffers({ withinMs: 4000 }, wait);
    const alive = offers.find(({ offerId }) => offerId === "root-alive-x1");
    expect(alive).toMatchObject({ availability: 1 });
    expect(alive).not.toHaveProperty("outOfReach");
    const outOfReach = (offerId: string): unknown =>
      offers.find((offer) => offer.offerId === offerId)?.outOfReach;
    expect(outOfReach("root-silent-2222-x1")).toMatchObject({
      kind: "unreachable",
      message: "lab: root-silent-2222: it did not answer within 3 s.",
      hint: expect.stringContaining("`ssh -p 2222 root@silent`"),
    });
    expect(outOfReach("root-keyless-x1")).toMatchObject({
      kind: "unauthorized",
      message: "lab: root-keyless: The key /nowhere/key is not there.",
      hint: "Make it with ssh-keygen.",
    });
    expect(outOfReach("root-stuck-x1")).toMatchObject({ kind: "unreachable" });
    // Declared alike: one of them is enough, and it is the one that speaks for all.
    expect(offers.find(({ offerId }) => offerId === "any-root-alive-x1")).toMatchObject({
      availability: 1,
      cpuCount: alive?.cpuCount,
    });
  });

  it("that all fail are each named", async ({ expect }) => {
    const lab = await startLocalHosts([{ ssh: "root@a" }, { ssh: "root@b" }], {
      context: {
        connect: async ({ host }) => {
          throw new PlatformError("unreachable", `${host} refuses the connection.`);
        },
      },
    });
    onTestFinished(() => rm(lab.folder, { recursive: true, force: true }));
    const offers = await lab.platform.listOffers({}, wait);
    expect(offers.map(({ outOfReach }) => outOfReach?.message)).toEqual([
      "lab: root-a: a refuses the connection.",
      "lab: root-b: b refuses the connection.",
    ]);
  });
});

describe("the members of a gang", () => {
  it("that are placed at the same moment each find a host that is free", async ({ expect }) => {
    const names = ["a", "b", "c", "d"];
    const lab = await startLab(
      names.map((name) => ({ ssh: `root@${name}`, gpu: "RTX4090:24GB:1", price: "1 CNY/h" })),
    );
    const pool = await lab.offer("any-root-a-x1");
    // All look before one has taken anything, and two of them belong to another run.
    const requests = [0, 1, 2, 3].map((member) => {
      const request = requestFor(pool);
      const run = member < 2 ? "gangrun" : "another";
      return { ...request, ownership: { ...request.ownership, run, member: member % 2 } };
    });
    const leases = await Promise.all(
      requests.map((request) => lab.platform.createLease(request, wait)),
    );
    const hosts = leases.map(({ leaseId }) => leaseId.split("-").slice(0, 2).join("-"));
    expect(hosts.toSorted()).toEqual(names.map((name) => `root-${name}`));
  });
});

describe("a reservation", () => {
  it("whose holder is lost is not called ended, and is brought back with the next extension", async ({
    expect,
  }) => {
    const lab = await startLab();
    const lease = await lab.platform.createLease(requestFor(await lab.offer("root-a-x2")), wait);
    await killHolder(lab, lease);
    const read = async (): Promise<string | undefined> =>
      (await lab.platform.getLease(lease.leaseId, wait))?.state;
    await expect.poll(read).toBe("stopped");
    expect((await lab.offer("root-a-x2")).availability).toBe(1);
    await lab.platform.extendLease?.(
      lease.leaseId,
      new Date(Date.now() + 60_000).toISOString(),
      wait,
    );
    expect(await read()).toBe("up");
    expect((await lab.offer("root-a-x2")).availability).toBe("none");
  });

  it("whose cards went to somebody else meanwhile does not come back", async ({ expect }) => {
    const lab = await startLab();
    const lease = await lab.platform.createLease(requestFor(await lab.offer("root-a-x1")), wait);
    await killHolder(lab, lease);
    await expect.poll(async () => (await lab.offer("root-a-x2")).availability).toBe(1);
    await lab.platform.createLease(requestFor(await lab.offer("root-a-x2")), wait);
    await lab.platform.extendLease?.(
      lease.leaseId,
      new Date(Date.now() + 60_000).toISOString(),
      wait,
    );
    expect((await lab.platform.getLease(lease.leaseId, wait))?.state).toBe("stopped");
  });

  it("ends by itself when its time is over", { timeout: 40_000 }, async ({ expect }) => {
    const lab = await startLab();
    const lease = await lab.platform.createLease(requestFor(await lab.offer("root-a-x1")), wait);
    await writeFile(join(await folderOf(lab, lease), "until"), "1\n");
    await expect
      .poll(async () => (await lab.platform.getLease(lease.leaseId, wait))?.state, {
        timeout: 30_000,
        interval: 500,
      })
      .toBe("stopped");
    expect((await lab.offer("root-a-x2")).availability).toBe(1);
  });

  it("that was released is gone from the list, known by its id, and not made again by the same key", async ({
    expect,
  }) => {
    const lab = await startLab();
    const request = requestFor(await lab.offer("root-a-x1"));
    const lease = await lab.platform.createLease(request, wait);
    await lab.platform.releaseLease(lease.leaseId, wait);
    expect(await lab.platform.listLeases({ installation: "testtest" }, wait)).toEqual([]);
    expect((await lab.platform.getLease(lease.leaseId, wait))?.state).toBe("ended");
    expect((await lab.platform.createLease(request, wait)).state).toBe("ended");
    expect((await lab.offer("root-a-x2")).availability).toBe(1);
  });

  it("asked for many times at once with one key is made once", async ({ expect }) => {
    const lab = await startLab([{ ssh: "root@a", gpu: "RTX4090:24GB:8" }]);
    const request = requestFor(await lab.offer("root-a-x1"));
    const leases = await Promise.all(
      Array.from({ length: 6 }, () => lab.platform.createLease(request, wait)),
    );
    expect(
      new Set(leases.map(({ leaseId, nodes }) => JSON.stringify([leaseId, nodes[0]?.cards]))).size,
    ).toBe(1);
    await expect.poll(async () => (await lab.offer("root-a-x1")).availability).toBe(7);
    expect((await readdir(lab.reservations)).filter((name) => name.startsWith("at-"))).toHaveLength(
      1,
    );
  });

  it("on a host that is no longer configured is not called gone", async ({ expect }) => {
    const lab = await startLab();
    await expect(lab.platform.getLease(`root-old-${"k".repeat(32)}`, wait)).rejects.toMatchObject({
      failure: { kind: "unreachable", message: expect.stringContaining("root-old") },
    });
  });
});

describe("errors", () => {
  const kinds: readonly PlatformErrorKind[] = ["unavailable", "unauthorized", "unreachable"];
  it.for(kinds)(
    "of the host come through as %s, with the platform's name",
    async (kind, { expect }) => {
      const lab = await startLab();
      const failing = async (on: FaultTarget, call: () => Promise<unknown>): Promise<unknown> => {
        lab.faults.next(on, { do: "fail", kind });
        return call().then(() => undefined, toFailure);
      };
      const { platform } = lab;
      const failure = { kind, message: "lab: root-a: the machine refused", platform: "lab" };
      expect(await failing("offers", () => platform.listOffers({}, wait))).toMatchObject({
        ...failure,
        operation: "listOffers",
      });
      expect(
        await failing("list", () => platform.listLeases({ installation: "testtest" }, wait)),
      ).toMatchObject(failure);
      expect(
        await failing("get", () => platform.getLease(`root-a-${"k".repeat(32)}`, wait)),
      ).toMatchObject(failure);
      expect(
        await failing("release", () => platform.releaseLease(`root-a-${"k".repeat(32)}`, wait)),
      ).toMatchObject(failure);
    },
  );

  it("that only the user can mend come as unauthorized with what to do", async ({ expect }) => {
    const connect = async (): Promise<never> => {
      throw new GpujobError("config_invalid", "The key file can be read by others.", {
        hint: "chmod 600 key",
      });
    };
    const lab = await startLocalHosts([{ ssh: "a" }], { context: { connect } });
    const error: unknown = await lab.platform
      .listOffers({}, wait)
      .catch((failure: unknown) => failure);
    expect(PlatformError.is(error)).toBe(true);
    expect(toFailure(error)).toMatchObject({
      kind: "unauthorized",
      message: expect.stringContaining("lab: a: The key file"),
      hint: "chmod 600 key",
    });
  });

  it("of a cancelled call are aborted, even while the host says nothing", async ({ expect }) => {
    const lab = await startLab();
    for (const [on, call] of [
      ["offers", (signal: AbortSignal) => lab.platform.listOffers({}, { signal })],
      [
        "get",
        (signal: AbortSignal) => lab.platform.getLease(`root-a-${"k".repeat(32)}`, { signal }),
      ],
    ] as const) {
      lab.faults.next(on, { do: "hang" });
      const stop = new AbortController();
      const failing = call(stop.signal);
      setImmediate(() => stop.abort());
      await expect(failing).rejects.toMatchObject({ failure: { kind: "aborted" } });
    }
  });
});

describe("the configuration", () => {
  const parse = (host: Readonly<Record<string, unknown>>): unknown =>
    configSchema.safeParse({ hosts: [host] }).error?.issues[0]?.message;

  it.for([
    [{ ssh: "root@a", gpu: "FOO:24GB:2" }, /catalogue|cards/],
    [{ ssh: "root@a", gpu: "A100:2" }, /memory sizes/],
    [{ ssh: "root@a", gpu: "24GB:2" }, /one model/],
    [{ ssh: "-oProxyCommand=x" }, /cannot be read as an SSH address/],
    [{ ssh: "a", key: "k", agent: true }, /one of key, password and agent/],
    [{ ssh: "a", password: "literal" }, /secret is never written/],
    [{ ssh: "a", passphrase: { env: "X" } }, /needs key/],
    [{ ssh: "a", hostKey: "yes" }, /SHA256/],
    [{ ssh: "a", root: "relative" }, /absolute/],
  ] as const)("refuses %j and says why", ([host, why], { expect }) => {
    expect(parse(host)).toMatch(why);
  });

  it("takes what the documentation shows", ({ expect }) => {
    const hosts = [
      {
        ssh: "root@10.0.0.5:22",
        gpu: "RTX4090:24GB:2",
        price: "0.8 CNY/h",
        key: "~/.ssh/id_ed25519",
      },
      {
        ssh: "lab2",
        agent: true,
        jump: "user@bastion",
        hostKey: "accept-new",
        root: "/data/gpujob",
        cards: [0, 1],
        labels: { room: "b2" },
      },
      { ssh: "ssh -p 34222 root@h", password: { env: "NAME" } },
    ];
    expect(configSchema.safeParse({ hosts }).error).toBeUndefined();
  });

  it("refuses the same host twice", ({ expect }) => {
    expect(
      configSchema.safeParse({ hosts: [{ ssh: "root@a" }, { ssh: "root@a:22" }] }).error?.issues[0]
        ?.message,
    ).toMatch(/twice/);
  });
});
