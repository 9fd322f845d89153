import type { Experience } from "@gpujob/spec";
import { readRecords, typeKey } from "@gpujob/scheduler";
import { it } from "vitest";
import { findLeftToSend } from "./left-to-send.ts";

const mib = 2 ** 20;

function onHost(instanceType: string, leftBy: string, at: number): Experience {
  return { leaseKey: leftBy, platform: "lab", instanceType, market: "on-demand", at, leftBy };
}

it("counts what each machine lacks of the files, by the newest run that left some there", async ({
  expect,
}) => {
  const code = new Map([
    ["r-old", [{ sha256: "data", bytes: 100 * mib }]],
    ["r-new", [{ sha256: "other", bytes: 5 * mib }]],
  ]);
  const records = readRecords([
    onHost("gpu1", "r-old", 1),
    onHost("gpu2", "r-old", 1),
    onHost("gpu2", "r-new", 2),
    onHost("gpu3", "r-pruned", 1),
  ]);
  const codeOf = async (runId: string) => code.get(runId);
  const files = [
    { sha256: "data", bytes: 100 * mib },
    { sha256: "script", bytes: 2 * mib },
  ];
  expect(await findLeftToSend(files, records, codeOf)).toEqual({
    [typeKey({ platform: "lab", instanceType: "gpu1" })]: 2 * mib,
  });
  const few = [{ sha256: "data", bytes: 1000 }];
  expect(await findLeftToSend(few, records, codeOf)).toEqual({});
});
