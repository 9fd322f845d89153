import { createTestContext } from "@gpujob/adapter-kit/testing";
import { IncompleteListError } from "@gpujob/spec";
import { describe, it } from "vitest";
import aliyun from "../src/index.ts";
import { startCloud, wait } from "./setup.ts";

const onDemand = "cn-hangzhou-i/ecs.gn7i-c8g1.2xlarge/on-demand";
const spot = "cn-hangzhou-i/ecs.gn7i-c8g1.2xlarge/spot";

type Cloud = Awaited<ReturnType<typeof startCloud>>;

function sent({ emulator }: Cloud, action: string): readonly URLSearchParams[] {
  return emulator.requests
    .filter(({ headers }) => headers["x-acs-action"] === action)
    .map(({ query }) => query);
}

describe("a launch", () => {
  it("leaves nothing behind and nothing to the defaults", async ({ expect }) => {
    const cloud = await startCloud();
    const { emulator, platform, findOffer, request } = cloud;
    await platform.createLease(request(await findOffer(onDemand), { diskGib: 250 }), wait);
    const [query] = sent(cloud, "RunInstances");
    expect(Object.fromEntries(query ?? [])).toMatchObject({
      Amount: "1",
      MinAmount: "1",
      InstanceChargeType: "PostPaid",
      SpotStrategy: "NoSpot",
      "SystemDisk.Category": "cloud_essd",
      "SystemDisk.PerformanceLevel": "PL0",
      "SystemDisk.Size": "250",
      InternetChargeType: "PayByTraffic",
      InternetMaxBandwidthOut: "100",
      DeletionProtection: "false",
      HttpTokens: "required",
      ZoneId: "cn-hangzhou-i",
      ImageId: "ubuntu_22_04_x64_40G_gpu_alibase_20261020.vhd",
    });
    const { groups, keys, vSwitches } = emulator.region("cn-hangzhou");
    expect([...groups.values()][0]?.rules).toEqual(new Set(["TCP 22/22 0.0.0.0/0 accept"]));
    expect([...keys.values()][0]?.publicKey).toMatch(/^ssh-rsa /);
    expect([...vSwitches.values()].map(({ block }) => block)).toEqual(["172.16.0.0/20"]);
  });

  it("asks for the fabric between nodes where the job demands it", async ({ expect }) => {
    const cloud = await startCloud();
    const { platform, findOffer, request } = cloud;
    const offer = await findOffer("cn-hangzhou-i/ecs.gn8v-2x.8xlarge/on-demand");
    expect(offer.fabric).toEqual({ kind: "rdma", bandwidthGbps: 20 });
    await platform.createLease(request(offer), wait);
    await platform.createLease(request(offer, { fabric: "rdma" }), wait);
    const [plain, fast] = sent(cloud, "RunInstances");
    const place = { id: plain?.get("VSwitchId"), group: plain?.get("SecurityGroupId") };
    expect(plain?.has("NetworkInterface.1.InstanceType")).toBe(false);
    expect(Object.fromEntries(fast ?? [])).toMatchObject({
      "NetworkInterface.1.InstanceType": "Primary",
      "NetworkInterface.1.NetworkInterfaceTrafficMode": "HighPerformance",
      "NetworkInterface.1.VSwitchId": place.id,
      "NetworkInterface.1.SecurityGroupId": place.group,
    });
    // Given twice, the place would be refused.
    expect([fast?.has("VSwitchId"), fast?.has("SecurityGroupId")]).toEqual([false, false]);
  });

  it("makes network, vSwitch, group and key once, and a vSwitch for each further zone", async ({
    expect,
  }) => {
    const { emulator, platform, findOffer, request } = await startCloud();
    const offer = await findOffer(onDemand);
    const other = await findOffer(spot.replace("hangzhou-i", "hangzhou-j"));
    // As the members of a gang: at once.
    await Promise.all([offer, offer, other].map((one) => platform.createLease(request(one), wait)));
    const { vpcs, vSwitches, groups, keys } = emulator.region("cn-hangzhou");
    expect([vpcs.size, groups.size, keys.size]).toEqual([1, 1, 1]);
    expect([...vSwitches.values()].map(({ zone, block }) => [zone, block])).toEqual([
      ["cn-hangzhou-i", "172.16.0.0/20"],
      ["cn-hangzhou-j", "172.16.16.0/20"],
    ]);
  });

  it("uses a network, a group and an image by their names or ids, and gives the image room", async ({
    expect,
  }) => {
    const cloud = await startCloud();
    const { emulator, platform, another, findOffer, request } = cloud;
    const offer = await findOffer(onDemand);
    await platform.createLease(request(offer), wait);
    const [vpc] = emulator.region("cn-hangzhou").vpcs.keys();
    const given = another({ network: vpc, securityGroup: "lab", sshFrom: ["192.0.2.0/24"] });
    await given.createLease(request(offer, { image: "m-bp1ours" }), wait);
    const [, query] = sent(cloud, "RunInstances");
    expect(query?.get("SystemDisk.Size")).toBe("160");
    const [, group] = emulator.region("cn-hangzhou").groups.values();
    expect([group?.name, group?.vpc, ...(group?.rules ?? [])]).toEqual([
      "lab",
      vpc,
      "TCP 22/22 192.0.2.0/24 accept",
    ]);
    for (const image of ["m-none", "acs:none"]) {
      await expect(given.createLease(request(offer, { image }), wait)).rejects.toMatchObject({
        failure: { kind: "unsupported_request", scope: "region", hint: expect.any(String) },
      });
    }
    const foreign = another({ network: "vpc-foreign" });
    await expect(foreign.createLease(request(offer), wait)).rejects.toMatchObject({
      failure: { kind: "unsupported_request", scope: "region" },
    });
  });

  it("bids up to the price on demand, with a ceiling only when the user has one in this currency", async ({
    expect,
  }) => {
    const cloud = await startCloud();
    const { platform, findOffer, request } = cloud;
    const offer = await findOffer(spot);
    const { perHour } = offer.price;
    await platform.createLease(request(offer), wait);
    await platform.createLease(request(offer, { priceLimit: perHour }), wait);
    const dollars = { currency: "USD", micros: 9_000_000 };
    await platform.createLease(request(offer, { priceLimit: dollars }), wait);
    const queries = sent(cloud, "RunInstances");
    expect(
      queries.map((query) => [query.get("SpotStrategy"), query.get("SpotPriceLimit")]),
    ).toEqual([
      ["SpotAsPriceGo", null],
      ["SpotWithPriceLimit", "1.948"],
      ["SpotAsPriceGo", null],
    ]);
    expect(queries.every((query) => query.get("SpotInterruptionBehavior") === "Terminate")).toBe(
      true,
    );
  });

  it("takes the token's machine when the repeated words differ, and never makes a second one", async ({
    expect,
  }) => {
    const { emulator, platform, findOffer, request } = await startCloud();
    const first = request(await findOffer(onDemand));
    emulator.helpers.loseNextCreateReply();
    await expect(platform.createLease(first, wait)).rejects.toMatchObject({
      failure: { kind: "outcome_unknown" },
    });
    const later = { ...first, endsAt: new Date(Date.parse(first.endsAt) + 600_000).toISOString() };
    const again = await platform.createLease(later, wait);
    expect(again.leaseKey).toBe(first.leaseKey);
    expect(emulator.market.bills()).toHaveLength(1);
  });

  it("finds or makes the group once more when another run has just swept it away", async ({
    expect,
  }) => {
    const cloud = await startCloud();
    const { emulator, platform, findOffer, request } = cloud;
    emulator.refuseNext("RunInstances", { code: "InvalidSecurityGroupId.NotFound", status: 404 });
    await platform.createLease(request(await findOffer(onDemand)), wait);
    expect(sent(cloud, "RunInstances")).toHaveLength(2);
    expect(emulator.market.bills()).toHaveLength(1);
  });
});

describe("the end timer", () => {
  it("is armed by the launch, half an hour ahead at least, and moved forward", async ({
    expect,
  }) => {
    const { emulator, platform, findOffer, request, releaseFully } = await startCloud();
    const soon = new Date(Date.now() + 60_000).toISOString();
    const { leaseId } = await platform.createLease(
      request(await findOffer(onDemand), { endsAt: soon }),
      wait,
    );
    const id = leaseId.split("/")[1] ?? "";
    const armed = emulator.market.find("cn-hangzhou", id)?.endsAt ?? 0;
    expect(armed - Date.now()).toBeGreaterThan(29 * 60_000);
    expect(armed - Date.now()).toBeLessThan(34 * 60_000);
    const until = Date.now() + 7_200_000;
    await platform.extendLease?.(leaseId, new Date(until).toISOString(), wait);
    const moved = emulator.market.find("cn-hangzhou", id)?.endsAt ?? 0;
    // Whole minutes, and never earlier than asked for.
    expect(moved).toBeGreaterThanOrEqual(until);
    expect(moved - until).toBeLessThan(60_000);
    await releaseFully(platform, leaseId);
    await platform.extendLease?.(leaseId, new Date(until).toISOString(), wait);
  });
});

describe("a machine", () => {
  it("bills from the launch to the second, is reached as root by our RSA key, and is proven gone by its absence", async ({
    expect,
  }) => {
    const { emulator, platform, findOffer, request, releaseFully, untilUp } = await startCloud({
      bootMs: 50,
      endMs: 50,
    });
    const before = Date.now();
    const lease = await platform.createLease(request(await findOffer(onDemand)), wait);
    expect(lease).toMatchObject({ state: "pending", isBillable: true });
    await untilUp(platform, lease.leaseId);
    const up = await platform.getLease(lease.leaseId, wait);
    // The platform itself tells the minute only.
    expect(up?.startedAt).toBe(lease.startedAt);
    expect(Date.parse(up?.startedAt ?? "")).toBeGreaterThanOrEqual(before);
    expect(up?.nodes[0]?.access).toMatchObject({
      user: "root",
      port: 22,
      auth: { kind: "key-file" },
    });
    expect(await platform.releaseLease(lease.leaseId, wait)).toMatchObject({ state: "releasing" });
    await releaseFully(platform, lease.leaseId);
    expect(await platform.getLease(lease.leaseId, wait)).toBeUndefined();
    expect(emulator.leftovers("cn-hangzhou")).toEqual([]);
  });

  it("is listed although another region does not answer, and the list says that it is not whole", async ({
    expect,
  }) => {
    const { emulator, platform, findOffer, request } = await startCloud({
      config: { regions: ["cn-hangzhou", "cn-shanghai"] },
    });
    await platform.createLease(request(await findOffer(onDemand)), wait);
    const there = "cn-shanghai-e/ecs.gn7i-c8g1.2xlarge/on-demand";
    await platform.createLease(request(await findOffer(there)), wait);
    emulator.refuseNext("DescribeInstances", { code: "ServiceUnavailable", status: 503 });
    const error: unknown = await platform
      .listLeases({ installation: "testinst" }, wait)
      .catch((thrown: unknown) => thrown);
    if (!IncompleteListError.is(error)) throw new Error(`It gave ${String(error)}.`);
    expect(error.kind).toBe("unavailable");
    expect(error.listed).toHaveLength(1);
  });

  it("that was promised and vanished is a matter of capacity", async ({ expect }) => {
    const { emulator, platform, findOffer, request, releaseFully } = await startCloud();
    emulator.promiseNextInVain();
    const { leaseId } = await platform.createLease(request(await findOffer(onDemand)), wait);
    expect(await platform.getLease(leaseId, wait)).toMatchObject({
      state: "failed",
      failedFor: "no_capacity",
      isBillable: false,
    });
    await releaseFully(platform, leaseId);
    expect(await platform.getLease("cn-hangzhou/i-nobody", wait)).toBeUndefined();
  });

  it("says that it is being taken back", async ({ expect }) => {
    const { emulator, platform, findOffer, request, untilUp } = await startCloud();
    const { leaseId } = await platform.createLease(request(await findOffer(spot)), wait);
    await untilUp(platform, leaseId);
    emulator.market.announce(leaseId.split("/")[1] ?? "", 300_000);
    expect(await platform.getLease(leaseId, wait)).toMatchObject({
      state: "up",
      reason: "the spot machine is being taken back",
    });
    const notice = await platform.watchInterruption?.(leaseId, wait);
    expect(Date.parse(notice?.endsAt ?? "") - Date.now()).toBeGreaterThan(200_000);
    await platform.close?.();
  });

  it("keeps keys and group while another of the installation is there", async ({ expect }) => {
    const { emulator, platform, findOffer, request, releaseFully } = await startCloud();
    const offer = await findOffer(onDemand);
    const first = await platform.createLease(request(offer), wait);
    const second = await platform.createLease(request(offer), wait);
    await releaseFully(platform, first.leaseId);
    expect(emulator.region("cn-hangzhou").keys.size).toBe(1);
    await releaseFully(platform, second.leaseId);
    expect(emulator.leftovers("cn-hangzhou")).toEqual([]);
  });

  it.for([
    ["IncorrectInstanceStatus.Initializing", 403],
    ["IncorrectInstanceStatus", 403],
  ] as const)(
    "that cannot be deleted yet (%s) is asked for again",
    async ([code, status], { expect }) => {
      const { emulator, platform, findOffer, request, releaseFully } = await startCloud();
      const { leaseId } = await platform.createLease(request(await findOffer(onDemand)), wait);
      emulator.refuseNext("DeleteInstances", { code, status });
      expect(await platform.releaseLease(leaseId, wait)).toMatchObject({ state: "releasing" });
      await releaseFully(platform, leaseId);
      expect(emulator.market.bills().every(({ to }) => to !== undefined)).toBe(true);
    },
  );

  it.for([
    ["InvalidOperation.DeletionProtection", 403],
    ["InstanceLockedForSecurity", 403],
    ["DependencyViolation.RouteEntry", 400],
    ["ChargeTypeViolation", 403],
  ] as const)(
    "whose release is hindered (%s) is said so aloud",
    async ([code, status], { expect }) => {
      const { emulator, platform, findOffer, request } = await startCloud();
      const { leaseId } = await platform.createLease(request(await findOffer(onDemand)), wait);
      emulator.refuseNext("DeleteInstances", { code, status });
      await expect(platform.releaseLease(leaseId, wait)).rejects.toMatchObject({
        failure: { kind: "release_failed", platformCode: code, hint: expect.any(String) },
      });
    },
  );

  it.for([
    ["InvalidInstanceId.NotFound", 404],
    ["Forbidden.InstanceNotFound", 404],
  ] as const)("that is gone already (%s) is released", async ([code, status], { expect }) => {
    const { emulator, platform } = await startCloud();
    emulator.refuseNext("DeleteInstances", { code, status });
    expect(await platform.releaseLease("cn-hangzhou/i-gone", wait)).toEqual({ state: "released" });
  });
});

describe("offers", () => {
  it("have whole cards, their stock, their links, and the disk in their price", async ({
    expect,
  }) => {
    const { emulator, platform, findOffer } = await startCloud();
    emulator.market.setStock({ zone: "cn-hangzhou-i", type: "ecs.gn6i-c4g1.xlarge" }, { count: 1 });
    emulator.market.setStock({ zone: "cn-hangzhou-j", type: "ecs.gn6i-c4g1.xlarge" }, { count: 0 });
    const offers = await platform.listOffers({}, wait);
    expect([...new Set(offers.map(({ instanceType }) => instanceType))].toSorted()).toEqual([
      "ecs.gn6i-c4g1.xlarge",
      "ecs.gn7e-c16g1.32xlarge",
      "ecs.gn7i-c8g1.2xlarge",
      "ecs.gn8v-2x.8xlarge",
    ]);
    const stock = offers
      .filter(({ instanceType, market }) => instanceType.includes("gn6i") && market === "spot")
      .map(({ zone, availability }) => [zone, availability]);
    expect(stock).toEqual([
      ["cn-hangzhou-i", "low"],
      ["cn-hangzhou-j", "none"],
    ]);
    expect(await findOffer("cn-hangzhou-i/ecs.gn7e-c16g1.32xlarge/on-demand")).toMatchObject({
      gpu: { model: "A100", count: 8, vramGib: 80, interconnect: "nvlink" },
      fabric: { kind: "ethernet", bandwidthGbps: 64 },
      cpuCount: 128,
      memoryGib: 1000,
      country: "cn",
    });
    const unnamed = await findOffer("cn-hangzhou-i/ecs.gn8v-2x.8xlarge/spot");
    expect(unnamed).toMatchObject({ gpu: { model: "H20", vramGib: 96, count: 2 } });
    expect(unnamed.notes?.join()).toContain("does not name its card");
    const { price, includedDiskGib } = await findOffer(onDemand);
    expect(includedDiskGib).toBe(100);
    expect(price).toMatchObject({
      perHour: { currency: "CNY", micros: 9_810_000 },
      diskPerGibHour: { currency: "CNY", micros: 700 },
      source: "live",
    });
  });

  it("have the newest spot price of each zone, whatever the order of the history", async ({
    expect,
  }) => {
    const { findOffer } = await startCloud();
    const first = await findOffer(spot);
    const second = await findOffer(spot.replace("hangzhou-i", "hangzhou-j"));
    expect(first.price.perHour.micros).toBe(1_948_000 + 70_000);
    expect(second.price.perHour.micros).toBe(1_929_000 + 70_000);
  });

  it("come without the type whose price does not arrive in time, and say so", async ({
    expect,
  }) => {
    const { emulator, platform } = await startCloud();
    emulator.hangPriceOf("ecs.gn6i-c4g1.xlarge");
    const offers = await platform.listOffers({ markets: ["on-demand"], withinMs: 2000 }, wait);
    const types = new Set(offers.map(({ instanceType }) => instanceType));
    expect(types.has("ecs.gn6i-c4g1.xlarge")).toBe(false);
    expect(types.size).toBe(3);
    expect(offers[0]?.notes).toContain("1 other prices of cn-hangzhou could not be asked");
  });

  it("leave out a type that has no price, and say nothing of it", async ({ expect }) => {
    const { emulator, platform } = await startCloud();
    emulator.refuseNext("DescribePrice", { code: "PriceNotFound" });
    const offers = await platform.listOffers({ markets: ["on-demand"] }, wait);
    expect(new Set(offers.map(({ instanceType }) => instanceType)).size).toBe(3);
    expect(offers[0]?.notes).toHaveLength(1);
  });

  it("are asked for in every region that a pattern could mean", async ({ expect }) => {
    const { platform } = await startCloud({ config: { regions: ["cn-hangzhou", "cn-shanghai"] } });
    const regionsFor = async (regions: readonly string[]): Promise<readonly string[]> => {
      const offers = await platform.listOffers({ regions, models: ["A10"] }, wait);
      return [...new Set(offers.map(({ region }) => region))].toSorted();
    };
    expect(await regionsFor(["cn-hangzhou"])).toEqual(["cn-hangzhou"]);
    expect(await regionsFor(["cn-hangzhou", "cn-sh*"])).toEqual(["cn-hangzhou", "cn-shanghai"]);
  });

  it("ask for the price of what is wanted only", async ({ expect }) => {
    const cloud = await startCloud();
    const offers = await cloud.platform.listOffers({ models: ["A10"], markets: ["spot"] }, wait);
    expect(new Set(offers.map(({ gpu }) => gpu?.model))).toEqual(new Set(["A10"]));
    expect(sent(cloud, "DescribePrice")).toHaveLength(1);
    expect(sent(cloud, "DescribeAvailableResource")).toHaveLength(1);
  });
});

describe("credentials", () => {
  it("are checked by the signature of every request, temporary ones with their token", async ({
    expect,
  }) => {
    const { another } = await startCloud();
    const wrong = another({ accessKeySecret: { env: "TEST_ALIYUN_ID" } });
    await expect(wrong.listLeases({ installation: "testinst" }, wait)).rejects.toMatchObject({
      failure: { kind: "unauthorized", platformCode: "SignatureDoesNotMatch" },
    });
    const session = another({ securityToken: { env: "TEST_ALIYUN_TOKEN" } });
    await expect(session.listLeases({ installation: "testinst" }, wait)).rejects.toMatchObject({
      failure: { kind: "unauthorized", platformCode: "InvalidSecurityToken.Malformed" },
    });
  });

  it("of a session are signed with it", async ({ expect }) => {
    const token = "session of a test";
    const { another } = await startCloud({
      keys: { accessKeyId: "test-id", accessKeySecret: "test secret", securityToken: token },
    });
    const session = another({ securityToken: { env: "TEST_ALIYUN_TOKEN" } });
    expect(await session.listLeases({ installation: "testinst" }, wait)).toEqual([]);
  });

  it("come in pairs", async ({ expect }) => {
    const config = { accessKeySecret: { env: "HALF" }, endpoint: "http://127.0.0.1:9" };
    const context = createTestContext({ platform: "aliyun", secrets: { HALF: "half" } });
    const half = aliyun.create(aliyun.configSchema.parse(config), context);
    await expect(half.listLeases({ installation: "testinst" }, wait)).rejects.toMatchObject({
      failure: { kind: "config_invalid", message: "platforms.aliyun.accessKeyId is missing." },
    });
  });
});
