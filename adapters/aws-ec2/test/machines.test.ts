import { createTestContext } from "@gpujob/adapter-kit/testing";
import { IncompleteListError } from "@gpujob/spec";
import { describe, it } from "vitest";
import aws from "../src/index.ts";
import { startCloud, wait } from "./setup.ts";

const onDemand = "us-east-1a/g6e.xlarge/on-demand";
const spot = "us-east-1a/g6e.xlarge/spot";

function formsOf(
  requests: readonly { readonly text: string }[],
  action: string,
): URLSearchParams[] {
  return requests
    .map(({ text }) => new URLSearchParams(text))
    .filter((form) => form.get("Action") === action);
}

describe("a launch", () => {
  it("leaves nothing behind and nothing to the account's defaults", async ({ expect }) => {
    const { emulator, platform, findOffer, request } = await startCloud();
    const { leaseId } = await platform.createLease(
      request(await findOffer(onDemand), { diskGib: 250 }),
      wait,
    );
    const [form] = formsOf(emulator.requests, "RunInstances");
    const sent = Object.fromEntries(form ?? []);
    expect(sent).toMatchObject({
      InstanceInitiatedShutdownBehavior: "terminate",
      "MetadataOptions.HttpTokens": "required",
      "MetadataOptions.HttpPutResponseHopLimit": "1",
      "BlockDeviceMapping.1.Ebs.DeleteOnTermination": "true",
      "BlockDeviceMapping.1.Ebs.VolumeSize": "250",
      "BlockDeviceMapping.1.Ebs.VolumeType": "gp3",
      "NetworkInterface.1.DeleteOnTermination": "true",
      "NetworkInterface.1.AssociatePublicIpAddress": "true",
      MinCount: "1",
      MaxCount: "1",
    });
    expect(sent["InstanceMarketOptions.MarketType"]).toBeUndefined();
    const kinds = ["TagSpecification.1", "TagSpecification.2", "TagSpecification.3"];
    expect(kinds.map((name) => sent[`${name}.ResourceType`])).toEqual([
      "instance",
      "volume",
      "network-interface",
    ]);
    const launched = emulator.launches.get(leaseId.split("/")[1] ?? "");
    expect(launched?.userData).toMatch(/^#!\/bin\/sh\nshutdown -h \+60\n$/);
    expect([...emulator.region("us-east-1").groups.values()][0]?.rules).toEqual(
      new Set(["tcp 22 22 0.0.0.0/0", expect.stringMatching(/^-1 {3}sg-/)]),
    );
  });

  it("asks for the fabric between nodes where the job demands it, and opens the group to it", async ({
    expect,
  }) => {
    const { emulator, platform, findOffer, request } = await startCloud();
    const offer = await findOffer("us-east-1a/p4d.24xlarge/on-demand");
    const plain = await platform.createLease(request(offer), wait);
    const [group] = emulator.region("us-east-1").groups.values();
    expect(emulator.launches.get(plain.leaseId.split("/")[1] ?? "")?.hasEfa).toBe(false);
    expect(group?.egress.size).toBe(0);
    const { leaseId } = await platform.createLease(request(offer, { fabric: "rdma" }), wait);
    await platform.createLease(request(offer, { fabric: "rdma" }), wait);
    expect(emulator.launches.get(leaseId.split("/")[1] ?? "")).toMatchObject({
      hasEfa: true,
      hasPublicAddress: true,
      groups: [group?.id],
    });
    expect(group?.egress).toEqual(new Set([`-1   ${group?.id}`]));
  });

  it("is a one-time request as spot, with a ceiling only when the user has one", async ({
    expect,
  }) => {
    const { emulator, platform, findOffer, request } = await startCloud();
    const offer = await findOffer(spot);
    await platform.createLease(request(offer), wait);
    await platform.createLease(request(offer, { priceLimit: offer.price.perHour }), wait);
    await platform.createLease(
      request(offer, { priceLimit: { currency: "CNY", micros: 9_000_000 } }),
      wait,
    );
    const forms = formsOf(emulator.requests, "RunInstances");
    const name = "InstanceMarketOptions.SpotOptions";
    expect(forms.map((form) => form.get(`${name}.MaxPrice`))).toEqual([null, "0.7021", null]);
    for (const form of forms) {
      expect(form.get(`${name}.SpotInstanceType`)).toBe("one-time");
      expect(form.get(`${name}.InstanceInterruptionBehavior`)).toBe("terminate");
    }
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

  it("says that the machine of an old token is gone", async ({ expect }) => {
    const { platform, findOffer, request, releaseFully } = await startCloud();
    const first = request(await findOffer(onDemand));
    const { leaseId } = await platform.createLease(first, wait);
    await releaseFully(platform, leaseId);
    await platform.createLease(request(await findOffer(onDemand)), wait);
    await expect(platform.createLease(first, wait)).rejects.toMatchObject({
      failure: { kind: "lease_failed", platformCode: "IdempotentInstanceTerminated" },
    });
  });

  it("finds or makes the key once more when another run has just swept it away", async ({
    expect,
  }) => {
    const { emulator, platform, findOffer, request } = await startCloud();
    emulator.refuseNext("RunInstances", "InvalidKeyPair.NotFound");
    const lease = await platform.createLease(request(await findOffer(onDemand)), wait);
    expect(lease.state).toBe("up");
    expect(formsOf(emulator.requests, "ImportKeyPair")).toHaveLength(2);
  });

  it("says which network is missing instead of building one", async ({ expect }) => {
    const { emulator, platform, findOffer, request } = await startCloud();
    emulator.region("us-east-1").hasDefaultVpc = false;
    await expect(
      platform.createLease(request(await findOffer(onDemand)), wait),
    ).rejects.toMatchObject({
      failure: {
        kind: "unsupported_request",
        scope: "region",
        hint: expect.stringContaining("create-default-vpc"),
      },
    });
  });

  it("uses a network and a group by their names, and knows an image's root disk", async ({
    expect,
  }) => {
    const { emulator, another, findOffer, request } = await startCloud();
    const offer = await findOffer(onDemand);
    const platform = another({
      network: "lab",
      securityGroup: "lab-ssh",
      sshFrom: ["192.0.2.0/24"],
    });
    await platform.createLease(request(offer, { image: "ami-0000000000000a003" }), wait);
    const [form] = formsOf(emulator.requests, "RunInstances");
    expect(form?.get("BlockDeviceMapping.1.DeviceName")).toBe("/dev/xvda");
    expect(form?.get("BlockDeviceMapping.1.Ebs.VolumeSize")).toBe("120");
    const [group] = emulator.region("us-east-1").groups.values();
    expect(group?.name).toBe("lab-ssh");
    expect([...(group?.rules ?? [])][0]).toBe("tcp 22 22 192.0.2.0/24");
    await expect(
      platform.createLease(request(offer, { image: "ami-0bad" }), wait),
    ).rejects.toMatchObject({
      failure: { kind: "unsupported_request", scope: "region" },
    });
  });

  it("takes the image of the machine's own processor", async ({ expect }) => {
    const { emulator, platform, findOffer, request } = await startCloud();
    const { leaseId } = await platform.createLease(
      request(await findOffer("us-east-1a/g5g.xlarge/spot")),
      wait,
    );
    expect(emulator.launches.get(leaseId.split("/")[1] ?? "")?.imageId).toBe(
      "ami-0000000000000a002",
    );
  });
});

describe("a machine", () => {
  it("is not up before it has an address, bills from running on, and tells the end as EC2 does", async ({
    expect,
  }) => {
    const { platform, findOffer, request, releaseFully, untilUp } = await startCloud({
      bootMs: 50,
      endMs: 50,
    });
    const lease = await platform.createLease(request(await findOffer(onDemand)), wait);
    expect(lease).toMatchObject({ state: "pending", isBillable: false });
    await untilUp(platform, lease.leaseId);
    const up = await platform.getLease(lease.leaseId, wait);
    expect(up?.nodes[0]?.access).toMatchObject({
      user: "ubuntu",
      port: 22,
      auth: { kind: "our-key" },
    });
    expect(await platform.releaseLease(lease.leaseId, wait)).toEqual({
      state: "releasing",
      againAfterMs: 3000,
    });
    const ending = await platform.getLease(lease.leaseId, wait);
    expect(ending).toMatchObject({ state: "releasing", isBillable: false });
    expect(Date.parse(ending?.endedAt ?? "")).toBeGreaterThan(Date.now() - 10_000);
    await releaseFully(platform, lease.leaseId);
    expect(await platform.getLease(lease.leaseId, wait)).toMatchObject({
      state: "ended",
      reason: expect.stringContaining("API"),
    });
  });

  it("is listed although another region does not answer, and the list says that it is not whole", async ({
    expect,
  }) => {
    const { emulator, platform, findOffer, request } = await startCloud({
      config: { regions: ["us-east-1", "eu-west-1"] },
    });
    const { leaseId } = await platform.createLease(request(await findOffer(onDemand)), wait);
    const there = await platform.createLease(
      request(await findOffer("eu-west-1a/g6e.xlarge/on-demand")),
      wait,
    );
    emulator.refuseNext("DescribeInstances", "Unavailable", 503);
    const error: unknown = await platform
      .listLeases({ installation: "testinst" }, wait)
      .catch((thrown: unknown) => thrown);
    if (!IncompleteListError.is(error)) throw new Error(`It gave ${String(error)}.`);
    expect(error.kind).toBe("unavailable");
    expect(error.listed).toHaveLength(1);
    expect([leaseId, there.leaseId]).toContain(error.listed[0]?.leaseId);
  });

  it("that was taken back says so", async ({ expect }) => {
    const { emulator, platform, findOffer, request } = await startCloud();
    const { leaseId } = await platform.createLease(request(await findOffer(spot)), wait);
    emulator.market.end(leaseId.split("/")[1] ?? "", "cloud");
    expect(await platform.getLease(leaseId, wait)).toMatchObject({
      state: "ended",
      reason: "the spot machine was taken back",
    });
  });

  it("keeps keys and group while another of the installation is there", async ({ expect }) => {
    const { emulator, platform, findOffer, request, releaseFully } = await startCloud();
    const offer = await findOffer(onDemand);
    const first = await platform.createLease(request(offer), wait);
    const second = await platform.createLease(request(offer), wait);
    await releaseFully(platform, first.leaseId);
    expect(emulator.region("us-east-1").keys.size).toBe(1);
    await releaseFully(platform, second.leaseId);
    expect(emulator.leftovers("us-east-1")).toEqual([]);
  });

  it("is proven gone even where the sweep is refused", async ({ expect }) => {
    const { emulator, platform, findOffer, request, releaseFully } = await startCloud();
    const { leaseId } = await platform.createLease(request(await findOffer(onDemand)), wait);
    emulator.refuseNext("DescribeKeyPairs", "UnauthorizedOperation", 403);
    await releaseFully(platform, leaseId);
    expect(emulator.region("us-east-1").keys.size).toBe(1);
  });
});

describe("offers", () => {
  it("have whole cards, the links that EC2 does not tell, and the disk and address in their price", async ({
    expect,
  }) => {
    const { platform, findOffer } = await startCloud();
    const offers = await platform.listOffers({}, wait);
    const types = new Set(offers.map(({ instanceType }) => instanceType));
    expect([...types].toSorted()).toEqual([
      "g4dn.xlarge",
      "g5g.xlarge",
      "g6e.xlarge",
      "p4d.24xlarge",
    ]);
    expect(await findOffer("us-east-1a/p4d.24xlarge/spot")).toMatchObject({
      gpu: { model: "A100", count: 8, vramGib: 40, interconnect: "nvswitch" },
      // Of one of its cards: more would forbid a public address.
      fabric: { kind: "rdma", bandwidthGbps: 100 },
      cpuCount: 96,
      memoryGib: 1152,
      country: "us",
    });
    const offer = await findOffer(onDemand);
    expect(offer.fabric).toEqual({ kind: "ethernet", bandwidthGbps: 20 });
    const extra = (100 * 0.08) / 730 + 0.005;
    expect(offer.price.perHour).toEqual({
      currency: "USD",
      micros: Math.round((1.861 + extra) * 1e6),
    });
    expect(offer).toMatchObject({ includedDiskGib: 100, availability: "unknown" });
  });

  it("are asked for in every region that a pattern could mean", async ({ expect }) => {
    const { platform } = await startCloud({ config: { regions: ["us-east-1", "eu-west-1"] } });
    const regionsFor = async (regions: readonly string[]): Promise<readonly string[]> => {
      const offers = await platform.listOffers({ regions }, wait);
      return [...new Set(offers.map(({ region }) => region))].toSorted();
    };
    expect(await regionsFor(["us-east-1"])).toEqual(["us-east-1"]);
    expect(await regionsFor(["us-east-1", "eu-*"])).toEqual(["eu-west-1", "us-east-1"]);
  });

  it("are in the currency of their partition, without what is not known there", async ({
    expect,
  }) => {
    const stock = [
      {
        region: "cn-north-1",
        zone: "cn-north-1a",
        type: "g4dn.xlarge",
        market: "spot" as const,
        count: 1,
        pricePerHour: 2,
      },
    ];
    const { platform } = await startCloud({ stock, config: { regions: ["cn-north-1"] } });
    const [offer] = await platform.listOffers({}, wait);
    expect(offer).toMatchObject({
      country: "cn",
      price: { perHour: { currency: "CNY", micros: 2_000_000 } },
    });
    expect(offer?.price.diskPerGibHour).toBeUndefined();
    expect(offer?.price.egressPerGib).toBeUndefined();
  });
});

describe("credentials", () => {
  it("are checked by the signature of every request, temporary ones with their token", async ({
    expect,
  }) => {
    const { another } = await startCloud();
    const wrong = another({ secretAccessKey: { env: "TEST_AWS_ID" } });
    await expect(wrong.listLeases({ installation: "testinst" }, wait)).rejects.toMatchObject({
      failure: { kind: "unauthorized", platformCode: "SignatureDoesNotMatch" },
    });
    const half = another({ sessionToken: { env: "TEST_AWS_ID" } });
    await expect(half.listLeases({ installation: "testinst" }, wait)).rejects.toMatchObject({
      failure: { kind: "unauthorized", platformCode: "InvalidClientTokenId" },
    });
  });

  it("that nobody can find are an error of the platform, whatever is asked", async ({ expect }) => {
    const { another } = await startCloud();
    const error = Object.assign(new Error("Could not load credentials from any providers"), {
      name: "CredentialsProviderError",
    });
    const platform = another({}, { resolveSecret: () => Promise.reject(error) });
    const failure = { kind: "unauthorized", hint: expect.stringContaining("aws sso login") };
    await expect(platform.listOffers({}, wait)).rejects.toMatchObject({ failure });
    await expect(platform.getLease("us-east-1/i-00000000", wait)).rejects.toMatchObject({
      failure,
    });
  });

  it("come in pairs", async ({ expect }) => {
    const config = { secretAccessKey: { env: "TEST_AWS_KEY" }, endpoint: "http://127.0.0.1:9" };
    const context = createTestContext({ platform: "aws", secrets: { TEST_AWS_KEY: "half" } });
    const platform = aws.create(aws.configSchema.parse(config), context);
    await expect(platform.listLeases({ installation: "testinst" }, wait)).rejects.toMatchObject({
      failure: { kind: "config_invalid", message: "platforms.aws.accessKeyId is missing." },
    });
  });
});
