import { describe, it, onTestFinished } from "vitest";
import type { CloudMarketOptions, CloudOrder } from "./cloud-market.ts";
import { createCloudMarket } from "./cloud-market.ts";

const stock = [
  { region: "r1", zone: "r1a", type: "big", market: "on-demand", count: 1, pricePerHour: 3.6 },
  { region: "r2", zone: "r2a", type: "big", market: "on-demand", count: 9, pricePerHour: 3.6 },
] as const;

const order: CloudOrder = {
  region: "r1",
  zone: "r1a",
  type: "big",
  market: "on-demand",
  token: "t1",
  parameters: "a",
  tags: { owner: "me" },
};

function open(over: Partial<CloudMarketOptions> = {}) {
  const time = { now: 1_000_000 };
  const market = createCloudMarket({
    stock,
    idPrefix: "i-",
    meter: { from: "up", minimumSeconds: 60, freeIfTakenWithinSeconds: 3600 },
    bootMs: 10_000,
    endMs: 5_000,
    lagMs: 1_000,
    now: () => time.now,
    ...over,
  });
  onTestFinished(() => market.close());
  const launch = (changes: Partial<CloudOrder> = {}) => {
    const answer = market.launch({ ...order, ...changes });
    if (typeof answer === "string") throw new Error(answer);
    return answer;
  };
  return { market, time, launch };
}

describe("the market of a cloud", () => {
  it("gives the same machine for the same token in a region, and another one in another region", ({
    expect,
  }) => {
    const { market, launch } = open();
    const first = launch();
    expect(launch().id).toBe(first.id);
    expect(market.launch({ ...order, parameters: "b" })).toBe("token-mismatch");
    expect(launch({ region: "r2", zone: "r2a" }).id).not.toBe(first.id);
    market.end(first.id, "user");
    expect(market.launch(order)).toBe("token-ended");
  });

  it("has so many machines and no more, until one is given back", ({ expect }) => {
    const { market, launch } = open();
    const first = launch();
    expect(market.launch({ ...order, token: "t2" })).toBe("no-stock");
    expect(market.launch({ ...order, token: "t3", zone: "r1b" })).toBe("not-offered");
    market.end(first.id, "user");
    expect(launch({ token: "t2" }).id).not.toBe(first.id);
  });

  it("shows a machine late, boots it, ends it, and counts from up to its end", ({ expect }) => {
    const { market, time, launch } = open();
    const { id } = launch();
    expect(market.list("r1")).toEqual([]);
    time.now += 2_000;
    expect(market.find("r1", id)?.state).toBe("pending");
    time.now += 8_000;
    expect(market.find("r1", id)?.state).toBe("running");
    time.now += 100_000;
    market.end(id, "user");
    expect(market.find("r1", id)?.state).toBe("shutting-down");
    time.now += 5_000;
    expect(market.find("r1", id)?.state).toBe("terminated");
    expect(market.bills()).toMatchObject([{ id, seconds: 100, micros: 100_000 }]);
  });

  it("charges the minimum, nothing for what never came up, and nothing for what it took back early", ({
    expect,
  }) => {
    const { market, time, launch } = open();
    market.end(launch().id, "user");
    expect(market.bills()).toEqual([]);
    const short = launch({ token: "t2" });
    time.now += 12_000;
    market.end(short.id, "user");
    expect(market.bills()).toMatchObject([{ seconds: 60 }]);
    const taken = launch({ token: "t3" });
    time.now += 12_000;
    market.announce(taken.id, 0);
    expect(market.find("r1", taken.id)?.endCause).toBe("cloud");
    expect(market.bills()[1]).toMatchObject({ id: taken.id, seconds: 0, micros: 0 });
  });

  it("ends a machine at its timer, and takes it after the notice", ({ expect }) => {
    const { market, time, launch } = open();
    const timed = launch({ endsAt: time.now + 60_000 });
    const noticed = launch({ region: "r2", zone: "r2a", token: "t2" });
    time.now += 30_000;
    market.setTimer(timed.id, time.now + 60_000);
    market.announce(noticed.id, 40_000);
    time.now += 50_000;
    expect(market.find("r1", timed.id)?.state).toBe("running");
    expect(market.find("r2", noticed.id)).toMatchObject({ state: "terminated", endCause: "cloud" });
    time.now += 20_000;
    expect(market.find("r1", timed.id)).toMatchObject({ state: "terminated", endCause: "machine" });
  });

  it("keeps a real machine for as long as its lease, and gives back what cannot boot", async ({
    expect,
  }) => {
    const stopped: string[] = [];
    const { market, launch } = open({
      startMachine: async ({ id, token }) => {
        if (token === "bad") throw new Error("no host");
        return { address: "127.0.0.9", stop: async () => void stopped.push(id) };
      },
    });
    const { id } = launch({ region: "r2", zone: "r2a" });
    const bad = launch({ region: "r2", zone: "r2a", token: "bad" });
    await new Promise((resolve) => setImmediate(resolve));
    const [good] = market.bills();
    expect(good?.id).toBe(id);
    expect(market.bills()).toHaveLength(1);
    market.end(id, "user");
    await market.close();
    expect(stopped).toEqual([id]);
    expect(bad.state).toBe("pending");
  });
});
