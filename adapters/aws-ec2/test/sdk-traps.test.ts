import { createTestContext } from "@gpujob/adapter-kit/testing";
import { describe, it } from "vitest";
import aws from "../src/index.ts";
import { keySettings } from "./keys.ts";
import { startCloud, wait } from "./setup.ts";

const onDemand = "us-east-1a/g6e.xlarge/on-demand";

describe("the SDK of EC2", () => {
  it("would knock three times on a full zone: here it knocks once", async ({ expect }) => {
    const { emulator, platform, findOffer, request } = await startCloud();
    const offer = await findOffer(onDemand);
    emulator.refuseNext("RunInstances", "InsufficientInstanceCapacity", 500);
    await expect(platform.createLease(request(offer), wait)).rejects.toMatchObject({
      failure: { kind: "no_capacity", scope: "offer" },
    });
    const launches = emulator.requests.filter(({ text }) => text.includes("Action=RunInstances&"));
    expect(launches).toHaveLength(1);
  });

  it("goes where a region's partition is, and so does the question for its prices", async ({
    expect,
  }) => {
    const hostsOf = async (region: string): Promise<readonly string[]> => {
      const hosts = new Set<string>();
      const context = createTestContext({
        platform: "aws",
        secrets: { TEST_AWS_ID: "nobody", TEST_AWS_KEY: "nothing" },
        fetch: async (input) => {
          hosts.add(new URL(input instanceof Request ? input.url : input).host);
          return new Response("", { status: 503 });
        },
      });
      const config = aws.configSchema.parse({ ...keySettings, regions: [region] });
      await aws
        .create(config, context)
        .listOffers({}, wait)
        .catch(() => undefined);
      return [...hosts].toSorted();
    };
    expect(await hostsOf("eu-west-1")).toEqual([
      "api.pricing.us-east-1.amazonaws.com",
      "ec2.eu-west-1.amazonaws.com",
    ]);
    expect(await hostsOf("cn-north-1")).toEqual([
      "api.pricing.cn-northwest-1.amazonaws.com.cn",
      "ec2.cn-north-1.amazonaws.com.cn",
    ]);
  });
});
