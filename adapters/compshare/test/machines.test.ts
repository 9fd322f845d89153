import { describe, it } from "vitest";
import { withWorld } from "./world.ts";

const priceLimit = { currency: "CNY", micros: 1_920_000 };

describe("offers", () => {
  it("carry the live price of every size, post-paid and spot", ({ expect }) =>
    withWorld(async ({ platform, wait, offer }) => {
      expect((await offer()).price).toMatchObject({
        perHour: { currency: "CNY", micros: 1_920_000 },
        source: "live",
      });
      expect((await offer("spot")).price.perHour.micros).toBe(1_340_000);
      const offers = await platform.listOffers({}, wait);
      const modified = offers.filter(({ gpu }) => gpu?.model === "RTX4090" && gpu.vramGib === 48);
      // Spot is refused for that card.
      expect(modified.map(({ market }) => market)).toEqual(["on-demand", "on-demand"]);
    }));

  it("say of a spot machine that nothing warns and no timer ends it", ({ expect }) =>
    withWorld(async ({ offer }) => {
      const spot = await offer("spot");
      expect(spot.autoRelease).toBe(false);
      expect(spot.notes?.join("; ")).toContain("stop timer does not work");
      expect((await offer("on-demand")).autoRelease).toBeUndefined();
    }));

  it("ask for no price of a card that nobody wants", ({ expect }) =>
    withWorld(async ({ platform, wait, asked }) => {
      await platform.listOffers({ models: ["A100"] }, wait);
      const types = asked("GetCompShareInstanceUserPrice").map((form) => form["GpuType"]);
      expect(new Set(types)).toEqual(new Set(["A100"]));
    }));
});

describe("a create", () => {
  it("names its charging mode and counts memory in MB", ({ expect }) =>
    withWorld(async ({ rent, asked }) => {
      await rent({ diskGib: 160 });
      expect(asked("CreateCompShareInstance")[0]).toMatchObject({
        ChargeType: "Postpay",
        GPU: "1",
        Memory: "65536",
        CompShareImageId: "compshareImage-torch",
        "Disks.0.IsBoot": "true",
        "Disks.0.Size": "160",
        Name: expect.stringMatching(/^gj-/),
      });
    }));

  it("arms the platform's stop timer for the time that the request names", ({ expect }) =>
    withWorld(async ({ fake, request, platform, wait }) => {
      const order = await request();
      await platform.createLease(order, wait);
      const [machine] = fake.machines();
      const lateMs = (machine?.stopAt ?? 0) - Date.parse(order.endsAt);
      expect(lateMs).toBeGreaterThanOrEqual(0);
      expect(lateMs).toBeLessThan(1000);
    }));

  it("keeps its machine when the timer cannot be set", ({ expect }) =>
    withWorld(async ({ fake, rent }) => {
      const refusal = { json: { RetCode: 8433, Message: "service error" } };
      fake.answerNext("UpdateCompShareStopScheduler", refusal);
      const { leaseId } = await rent();
      expect(fake.billing()).toEqual([leaseId]);
    }));

  it("makes one machine when its reply is lost and the list shows it late", ({ expect }) =>
    withWorld(async ({ fake, request, platform, wait, asked, untilState }) => {
      const order = await request();
      fake.hideNext(2);
      fake.helpers.loseNextCreateReply();
      await expect(platform.createLease(order, wait)).rejects.toMatchObject({
        failure: { kind: "outcome_unknown" },
      });
      const installation = order.ownership.installation;
      // As the engine does: it looks through the visibility window before it creates again.
      for (let look = 0; look < 5; look++) await platform.listLeases({ installation }, wait);
      const { leaseId } = await platform.createLease(order, wait);
      expect(asked("CreateCompShareInstance")).toHaveLength(1);
      expect((await untilState(leaseId, "up")).leaseKey).toBe(order.leaseKey);
    }));

  it("rents nothing that has become dearer than allowed", ({ expect }) =>
    withWorld(async ({ fake, rent, offer, asked }) => {
      const cheap = await offer();
      fake.reprice(2);
      await expect(rent({ offer: cheap, priceLimit })).rejects.toMatchObject({
        failure: { kind: "price_changed", scope: "offer" },
      });
      expect(asked("CreateCompShareInstance")).toHaveLength(0);
    }));

  it("takes an image by its id or a part of its name, and names one that is not there", ({
    expect,
  }) =>
    withWorld(async ({ rent, asked }) => {
      await expect(rent({ image: "Jax" })).rejects.toMatchObject({
        failure: { kind: "unsupported_request", message: expect.stringContaining("Jax") },
      });
      await rent({ image: "compshareImage-own" });
      expect(asked("CreateCompShareInstance")[0]?.["CompShareImageId"]).toBe("compshareImage-own");
    }));
});

describe("a machine", () => {
  it("is reached as its login command says: a container as root, a virtual machine as ubuntu", ({
    expect,
  }) =>
    withWorld(async ({ rent, untilState, request, platform, wait }) => {
      const container = await untilState((await rent()).leaseId, "up");
      expect(container.nodes[0]?.access).toMatchObject({ user: "root", port: 23 });
      const order = await request({ image: "Ubuntu" });
      const other = { ...order.ownership, run: "other1" };
      const { leaseId } = await platform.createLease({ ...order, ownership: other }, wait);
      const { access } = (await untilState(leaseId, "up")).nodes[0] ?? {};
      expect(access).toMatchObject({ user: "ubuntu", port: 22 });
      if (access?.kind !== "ssh" || access.auth.kind !== "password")
        throw new Error("No password.");
      expect(access.auth.password.reveal()).toBe(`password of ${leaseId}`);
    }));

  it("is stopped before it is deleted, with its data disks", ({ expect }) =>
    withWorld(async ({ rent, untilState, release, asked, fake }) => {
      const { leaseId } = await rent();
      await untilState(leaseId, "up");
      await release(leaseId);
      expect(asked("StopCompShareInstance")).toHaveLength(1);
      expect(asked("TerminateCompShareInstance")[0]?.["ReleaseUDisk"]).toBe("true");
      expect(fake.billing()).toEqual([]);
    }));

  it("on the spot market is deleted without a stop, which is refused there", ({ expect }) =>
    withWorld(async ({ rent, offer, untilState, release, asked, platform, wait }) => {
      const { leaseId } = await rent({ offer: await offer("spot") });
      await untilState(leaseId, "up");
      // There is no timer to be moved, and that is no failure.
      await platform.extendLease?.(leaseId, new Date(Date.now() + 7_200_000).toISOString(), wait);
      await release(leaseId);
      expect(asked("StopCompShareInstance")).toHaveLength(0);
      expect(asked("UpdateCompShareStopScheduler")).toHaveLength(0);
    }));

  it("that the platform takes back is failed, costs nothing more, and can be released", ({
    expect,
  }) =>
    withWorld(async ({ fake, rent, offer, untilState, release }) => {
      const { leaseId } = await rent({ offer: await offer("spot") });
      await untilState(leaseId, "up");
      fake.reclaim(leaseId);
      expect(await untilState(leaseId, "failed")).toMatchObject({
        isBillable: false,
        reason: expect.stringContaining("took the spot machine back"),
      });
      await release(leaseId);
    }));

  it("is stopped by the platform at its time, and deleted seven days later", ({ expect }) =>
    withWorld(async ({ fake, rent, untilState, platform, wait }) => {
      const { leaseId } = await rent();
      await untilState(leaseId, "up");
      await platform.extendLease?.(leaseId, new Date(Date.now() + 7_200_000).toISOString(), wait);
      fake.advance(3_700_000);
      expect((await platform.getLease(leaseId, wait))?.state).toBe("up");
      fake.advance(3_700_000);
      expect(await untilState(leaseId, "stopped")).toMatchObject({ isBillable: false });
      fake.advance(8 * 24 * 3_600_000);
      expect(await platform.getLease(leaseId, wait)).toBeUndefined();
    }));

  it("that is stopped with a larger disk goes on to cost money", ({ expect }) =>
    withWorld(async ({ fake, rent, untilState }) => {
      const { leaseId } = await rent({ diskGib: 300 });
      await untilState(leaseId, "up");
      fake.advance(3_700_000);
      expect((await untilState(leaseId, "stopped")).isBillable).toBe(true);
    }));

  it("of a sub-account is asked for in its project", ({ expect }) =>
    withWorld(
      async ({ rent, asked }) => {
        await rent();
        expect(asked("GetProjectList")).toHaveLength(0);
        expect(asked("CreateCompShareInstance")[0]?.["ProjectId"]).toBe("org-test");
      },
      { projectId: "org-test" },
    ));
});
