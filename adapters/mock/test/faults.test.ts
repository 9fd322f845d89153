import { describe, it } from "vitest";
import type { Failure } from "@gpujob/spec";
import { toFailure } from "@gpujob/spec";
import { readMeter } from "../src/index.ts";
import type { TestMarket } from "./market-fixture.ts";
import {
  newRequest,
  openTestMarket,
  plainOffer,
  rentMachine,
  runOn,
  until,
  untilState,
  wait,
} from "./market-fixture.ts";

async function failureOf(call: Promise<unknown> | undefined): Promise<Failure> {
  const answer = await call?.then(
    () => undefined,
    (error: unknown) => toFailure(error),
  );
  if (answer === undefined) throw new Error("It answered where it had to throw.");
  return answer;
}

/** Opens a market with faults, runs the test, ends everything. */
async function withFaults(
  faults: readonly Record<string, unknown>[],
  work: (market: TestMarket) => Promise<void>,
  config: Record<string, unknown> = {},
): Promise<void> {
  const market = await openTestMarket({ faults, ...config });
  try {
    await work(market);
  } finally {
    await market.close();
  }
}

// Real time, on a computer that may be busy.
const timeout = 60_000;

describe("faults of calls", { timeout }, () => {
  it("refuse each call with the given kind, once at its turn", async ({ expect }) => {
    const faults = [
      { on: "offers", nth: 1, do: "error", kind: "unavailable" },
      { on: "create", nth: 1, do: "error", kind: "no_capacity" },
      { on: "get", nth: 1, do: "error", kind: "rate_limited", retryAfter: "7s" },
      { on: "list", nth: 1, do: "error", kind: "unauthorized" },
      { on: "release", nth: 1, do: "error", kind: "unavailable" },
      { on: "extend", nth: 1, do: "error", kind: "forbidden" },
    ];
    await withFaults(faults, async ({ platform }) => {
      expect((await failureOf(platform.listOffers({}, wait))).kind).toBe("unavailable");
      const request = await newRequest(platform);
      const refused = await failureOf(platform.createLease(request, wait));
      expect(refused).toMatchObject({ kind: "no_capacity", scope: "offer", platform: "cheap" });
      const { leaseId } = await platform.createLease(request, wait);
      const limited = await failureOf(platform.getLease(leaseId, wait));
      expect(limited).toMatchObject({ kind: "rate_limited", retryAfterMs: 7000 });
      const list = () => platform.listLeases({ installation: "testtest" }, wait);
      expect((await failureOf(list())).kind).toBe("unauthorized");
      expect(await list()).toHaveLength(1);
      const extend = () => platform.extendLease?.(leaseId, request.endsAt, wait);
      expect((await failureOf(extend())).kind).toBe("forbidden");
      await extend();
      expect((await failureOf(platform.releaseLease(leaseId, wait))).kind).toBe("unavailable");
      expect((await platform.getLease(leaseId, wait))?.isBillable).toBe(true);
    });
  });

  it("lose the answer to a create whose machine exists", async ({ expect }) => {
    await withFaults([{ on: "create", nth: 1, do: "lose-reply" }], async ({ folder, platform }) => {
      const request = await newRequest(platform);
      const lost = await failureOf(platform.createLease(request, wait));
      expect(lost.kind).toBe("outcome_unknown");
      const { leaseId } = await platform.createLease(request, wait);
      expect(readMeter(folder).machines.map((machine) => machine.leaseId)).toEqual([leaseId]);
    });
  });

  it("lose the answer to a release that was obeyed", async ({ expect }) => {
    await withFaults([{ on: "release", nth: 1, do: "lose-reply" }], async ({ platform }) => {
      const { leaseId } = await rentMachine(platform);
      const lost = await failureOf(platform.releaseLease(leaseId, wait));
      expect(lost.kind).toBe("outcome_unknown");
      await untilState(platform, leaseId, "ended");
    });
  });

  it("leave a disk behind, which bills and is shown until a release removes it", async ({
    expect,
  }) => {
    const offers = [{ ...plainOffer(), disk: "10GB", diskPrice: "10 CNY/h" }];
    const faults = [{ on: "release", nth: 1, do: "leave-disk" }];
    await withFaults(
      faults,
      async ({ platform, folder }) => {
        const request = { ...(await newRequest(platform)), diskGib: 1000 };
        const { leaseId } = await platform.createLease(request, wait);
        expect((await platform.releaseLease(leaseId, wait)).state).toBe("releasing");
        const shown = await until(async () => {
          const [meter] = readMeter(folder).machines;
          const lease = await platform.getLease(leaseId, wait);
          return lease?.endedAt === undefined ? undefined : { lease, meter };
        });
        expect(shown.lease).toMatchObject({ state: "releasing", isBillable: true });
        expect(shown.meter?.endedAt).toBeNull();
        const all = await platform.listLeases({ installation: "none" }, wait);
        const own = request.ownership.installation;
        expect(all).toEqual([]);
        expect(await platform.listLeases({ installation: own }, wait)).toHaveLength(1);
        const costs = (): number => readMeter(folder).machines[0]?.amount.micros ?? 0;
        const before = costs();
        await until(() => (costs() > before ? true : undefined));
        await until(async () => {
          const { state } = await platform.releaseLease(leaseId, wait);
          return state === "released" ? true : undefined;
        });
        expect(readMeter(folder).machines[0]?.endedAt).not.toBeNull();
        expect(await platform.listLeases({ installation: own }, wait)).toEqual([]);
      },
      { offers },
    );
  });

  it("delay an answer, and let go of it when aborted", async ({ expect }) => {
    const faults = [
      { on: "create", nth: 1, do: "delay", by: "250ms" },
      { on: "create", nth: 2, do: "delay", by: "1h" },
    ];
    await withFaults(faults, async ({ platform, folder }) => {
      const startMs = performance.now();
      await platform.createLease(await newRequest(platform), wait);
      expect(performance.now() - startMs).toBeGreaterThan(245);
      const stop = new AbortController();
      const request = await newRequest(platform);
      const waiting = failureOf(platform.createLease(request, { signal: stop.signal }));
      await until(() => readMeter(folder).machines[1]);
      stop.abort();
      expect((await waiting).kind).toBe("outcome_unknown");
    });
  });

  it("accept a release and do nothing", async ({ expect }) => {
    await withFaults([{ on: "release", nth: 1, do: "ignore" }], async ({ platform }) => {
      const { leaseId } = await rentMachine(platform);
      expect((await platform.releaseLease(leaseId, wait)).state).toBe("releasing");
      expect(await platform.getLease(leaseId, wait)).toMatchObject({
        state: "up",
        isBillable: true,
      });
      await platform.releaseLease(leaseId, wait);
      await untilState(platform, leaseId, "ended");
    });
  });

  it("keep new machines out of lists for a while", async ({ expect }) => {
    await withFaults([{ on: "list", do: "lag", by: "2s" }], async ({ platform }) => {
      const { leaseId } = await platform.createLease(await newRequest(platform), wait);
      const list = () => platform.listLeases({ installation: "testtest" }, wait);
      expect(await list()).toEqual([]);
      expect((await platform.getLease(leaseId, wait))?.leaseId).toBe(leaseId);
      await until(async () => (await list())[0]);
    });
  });

  it("raise the price at create, which the lease states, also above a limit", async ({
    expect,
  }) => {
    await withFaults([{ on: "create", do: "reprice", factor: 1.5 }], async ({ platform }) => {
      const dear = { currency: "CNY", micros: 5_400_000 };
      const priceLimit = { currency: "CNY", micros: 5_000_000 };
      for (const more of [{}, { priceLimit }]) {
        const lease = await platform.createLease(await newRequest(platform, more), wait);
        expect(lease.pricePerHour).toEqual(dear);
      }
    });
  });

  it("lose the tags of a machine, which is listed all the same", async ({ expect }) => {
    await withFaults([{ on: "create", do: "lose-tag" }], async ({ platform }) => {
      const { leaseId, ownership } = await platform.createLease(await newRequest(platform), wait);
      expect(ownership).toBeUndefined();
      const listed = await platform.listLeases({ installation: "someoneb" }, wait);
      expect(listed.map((lease) => lease.leaseId)).toEqual([leaseId]);
    });
  });

  it("count calls of one offer apart when a fault names it", async ({ expect }) => {
    const fault = { on: "create", nth: 2, do: "error", kind: "no_capacity", offer: "b" };
    const config = { offers: [plainOffer(), plainOffer({ type: "b" })] };
    await withFaults(
      [fault],
      async ({ platform }) => {
        const [a, b] = await platform.listOffers({}, wait);
        if (a === undefined || b === undefined) throw new Error("Two offers were configured.");
        const create = async (offer: typeof a) =>
          platform.createLease(await newRequest(platform, { offer }), wait);
        await create(a);
        await create(a);
        await create(b);
        expect((await failureOf(create(b))).kind).toBe("no_capacity");
        await create(b);
      },
      config,
    );
  });

  it("count each platform of a market apart", async ({ expect }) => {
    const fault = { on: "create", nth: 1, do: "error", kind: "quota_exceeded" };
    await withFaults([fault], async (market) => {
      const other = market.open("other");
      for (const platform of [market.platform, other]) {
        const request = await newRequest(platform);
        expect((await failureOf(platform.createLease(request, wait))).kind).toBe("quota_exceeded");
      }
      await other.createLease(await newRequest(other), wait);
      expect(await market.platform.listLeases({ installation: "testtest" }, wait)).toEqual([]);
    });
  });

  it("refuse a token that was used for another offer", async ({ expect }) => {
    const config = { offers: [plainOffer(), plainOffer({ type: "b" })] };
    await withFaults(
      [],
      async ({ platform }) => {
        const request = await newRequest(platform);
        await platform.createLease(request, wait);
        const offer = (await platform.listOffers({}, wait))[1] ?? request.offer;
        const refused = await failureOf(platform.createLease({ ...request, offer }, wait));
        expect(refused).toMatchObject({
          kind: "contract_violation",
          platformCode: "TokenMismatch",
        });
      },
      config,
    );
  });
});

describe("faults of machines", { timeout }, () => {
  it("take a machine back after a notice, and only the one whose turn it is", async ({
    expect,
  }) => {
    const fault = { on: "lease", nth: 2, after: "10ms", do: "interrupt", notice: "2s" };
    await withFaults([fault], async ({ platform }) => {
      const first = await rentMachine(platform);
      const second = await platform.createLease(await newRequest(platform), wait);
      const notice = await until(() => platform.watchInterruption?.(second.leaseId, wait));
      expect(Date.parse(notice.endsAt ?? "")).toBeGreaterThan(Date.now());
      const ended = await untilState(platform, second.leaseId, "ended");
      expect(ended).toMatchObject({
        reason: "taken back by the platform",
        endedAt: notice.endsAt,
        isBillable: false,
      });
      expect((await platform.getLease(first.leaseId, wait))?.state).toBe("up");
      expect(await platform.watchInterruption?.(first.leaseId, wait)).toBeUndefined();
    });
  });

  it("let every machine die without notice when they name no turn", async ({ expect }) => {
    const fault = { on: "lease", after: "300ms", do: "die" };
    await withFaults([fault], async ({ platform }) => {
      for (let count = 0; count < 2; count++) {
        const { leaseId } = await platform.createLease(await newRequest(platform), wait);
        const ended = await untilState(platform, leaseId, "ended");
        expect(ended.reason).toBe("the machine died");
        expect(await platform.watchInterruption?.(leaseId, wait)).toBeUndefined();
      }
    });
  });

  it("hide a machine for a while though it runs on", async ({ expect }) => {
    const fault = { on: "lease", do: "vanish", by: "2s" };
    await withFaults([fault], async ({ platform }) => {
      const { leaseId } = await platform.createLease(await newRequest(platform), wait);
      await until(async () => (await platform.getLease(leaseId, wait)) === undefined || undefined);
      expect(await platform.listLeases({ installation: "testtest" }, wait)).toEqual([]);
      const back = await until(() => platform.getLease(leaseId, wait));
      expect(back).toMatchObject({ state: "up", isBillable: true });
    });
  });

  it("show other cards than were sold, where they are looked up", async ({ expect }) => {
    const fault = { on: "lease", nth: 2, do: "wrong-gpu", gpu: "RTX3090:16GB:1" };
    const config = { offers: [plainOffer({ gpu: "A100-SXM4:80GB:2" })] };
    await withFaults(
      [fault],
      async ({ platform }) => {
        const look = async () => {
          const query = ["--query-gpu=index,name,memory.total", "--format=csv,noheader,nounits"];
          return (await runOn(platform, await rentMachine(platform), ["nvidia-smi", ...query]))
            .stdout;
        };
        expect(await look()).toBe("0, NVIDIA A100 SXM4, 81920\n1, NVIDIA A100 SXM4, 81920\n");
        expect(await look()).toBe("0, NVIDIA RTX3090, 16384\n");
      },
      config,
    );
  });

  it("slow down a boot, during which the machine is not reached and bills", async ({ expect }) => {
    const fault = { on: "lease", nth: 1, do: "delay", by: "1h" };
    await withFaults([fault], async ({ platform }) => {
      const lease = await platform.createLease(await newRequest(platform), wait);
      expect(lease).toMatchObject({ state: "pending", isBillable: true });
      const node = lease.nodes[0] ?? { nodeId: "none", rank: 0 };
      expect(node.access).toBeUndefined();
      expect((await failureOf(platform.openChannel?.(node, wait))).kind).toBe("unreachable");
      await rentMachine(platform);
      await platform.releaseLease(lease.leaseId, wait);
      await untilState(platform, lease.leaseId, "ended");
    });
  });
});
