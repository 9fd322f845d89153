import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "vitest";
import { runGpujob } from "../cli/support/gpujob.ts";
import { awsCloud } from "./support/aws-cloud.ts";
import { makeCloudHome } from "./support/cloud-lab.ts";
import { describeCloudRuns } from "./support/cloud-runs.ts";

describeCloudRuns(awsCloud);

describe("a machine of EC2 whose image has no Docker after all", () => {
  it("is given back before anything is sent, and its user is told why", async ({ expect }) => {
    const { start, stockOf, zones, gpu } = awsCloud;
    const lab = await start([stockOf(zones[0], 1)]);
    const home = await makeCloudHome(lab);
    const job = `image: docker:busybox:1\nresources: { gpu: ${gpu} }\nrun: echo no\n`;
    await writeFile(join(home, "job.yaml"), job);
    const { code, out, err } = await runGpujob(["submit", "job.yaml", "-y"], {
      home,
      environment: lab.environment,
      timeoutMs: 200_000,
    });
    expect({ code, out }).toEqual({ code: 115, out: "" });
    expect(err).toContain("docker:busybox:1 needs Docker, which is not installed there");
    expect(lab.market.bills().every(({ to }) => to !== undefined)).toBe(true);
    expect(lab.leftovers()).toEqual([]);
  });
});
