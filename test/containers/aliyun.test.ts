import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readStored } from "@gpujob/engine";
import type { RunView } from "@gpujob/spec";
import { describe, it } from "vitest";
import { runGpujob } from "../cli/support/gpujob.ts";
import { aliyunCloud, startAliyunCloud } from "./support/aliyun-cloud.ts";
import { makeCloudHome } from "./support/cloud-lab.ts";
import { describeCloudRuns } from "./support/cloud-runs.ts";

describeCloudRuns(aliyunCloud);

describe("a launch on Alibaba Cloud", () => {
  it("that was promised and vanishes for want of capacity leads to the next zone", async ({
    expect,
  }) => {
    const { stockOf, gpu, zones, type } = aliyunCloud;
    const lab = await startAliyunCloud(zones.map((zone) => stockOf(zone, 2)));
    const home = await makeCloudHome(lab);
    const { environment } = lab;
    lab.emulator.promiseNextInVain();
    await writeFile(join(home, "job.yaml"), `resources: { gpu: ${gpu} }\nrun: echo here\n`);
    const argv = ["submit", "job.yaml", "-y"];
    const { code, err } = await runGpujob(argv, { home, environment, timeoutMs: 200_000 });
    expect(err).toContain("there was no stock after all");
    expect(code).toBe(0);
    const { out } = await runGpujob(["show", "--json"], { home, environment });
    const { data: run } = readStored<{ readonly data: RunView }>(out);
    expect(run).toMatchObject({ state: "succeeded", billing: "ended" });
    expect(run.attempts.map(({ offerId }) => offerId)).toEqual(
      zones.map((zone) => `${zone}/${type}/on-demand`),
    );
    expect(lab.market.bills()).toHaveLength(1);
  });
});
