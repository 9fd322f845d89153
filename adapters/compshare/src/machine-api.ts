import { parseSshTarget } from "@gpujob/spec";
import { z } from "zod";
import type { Parts, Wait } from "./api.ts";
import { act, readAll } from "./api.ts";
import type { ChargeType, Size } from "./market-api.ts";
import { bootDisk } from "./market-api.ts";

/** A login command such as `ssh -p 23 root@203.0.113.7`; empty while there is none. */
const sshCommand = z
  .string()
  .nullish()
  .transform((text, issues) => {
    if (text === null || text === undefined || text.trim() === "") return undefined;
    try {
      return parseSshTarget(text);
    } catch {
      issues.addIssue({ code: "custom", message: `"${text}" is no login command` });
      return z.NEVER;
    }
  });

/** Seconds since 1970; 0 and absent are no time. */
const seconds = z
  .number()
  .nonnegative()
  .nullish()
  .transform((value) =>
    value === null || value === undefined || value === 0
      ? undefined
      : new Date(value * 1000).toISOString(),
  );

const machineSchema = z.object({
  UHostId: z.string().min(1),
  Name: z.string().nullish(),
  Remark: z.string().nullish(),
  Zone: z.string(),
  State: z.string(),
  ChargeType: z.string(),
  SshLoginCommand: sshCommand,
  /** In base64. */
  Password: z.string().nullish(),
  /** CNY per hour for a machine that is charged by the hour. */
  InstancePrice: z.number().nonnegative().nullish(),
  CompShareImagePrice: z.number().nonnegative().nullish(),
  PostPayPowerOffBillingResource: z.array(z.unknown()).nullish(),
  CreateTime: seconds,
  ReleaseTime: seconds,
});

export type Machine = z.infer<typeof machineSchema>;

const pageSchema = z.object({
  UHostSet: z.array(machineSchema),
  TotalCount: z.int().nonnegative(),
});

/** Every machine of the account, in all regions. */
export function listMachines(
  parts: Parts,
  operation: string,
  wait: Wait,
): Promise<readonly Machine[]> {
  const idOf = (machine: Machine): string => machine.UHostId;
  return readAll(parts.context.platform, operation, idOf, async (offset) => {
    const parameters = { Limit: 100, Offset: offset };
    const page = await act(parts, describe(operation, parameters), wait);
    return { rows: page.UHostSet, total: page.TotalCount };
  });
}

/** `undefined`: the account has no such machine. */
export async function readMachine(
  parts: Parts,
  operation: string,
  id: string,
  wait: Wait,
): Promise<Machine | undefined> {
  const page = await act(parts, describe(operation, { "UHostIds.0": id }), wait);
  return page.UHostSet.find(({ UHostId }) => UHostId === id);
}

function describe(operation: string, parameters: Readonly<Record<string, string | number>>) {
  return { operation, name: "DescribeCompShareInstance", parameters, schema: pageSchema };
}

const createdSchema = z.object({ UHostIds: z.tuple([z.string().min(1)], z.string()) });

/** What a create needs. */
export interface Order extends Size {
  readonly name: string;
  readonly remark: string;
  readonly image: string;
  readonly charge: ChargeType;
  readonly diskGb: number;
}

/** Rents one machine. There is no token: never send it twice. */
export async function createMachine(parts: Parts, order: Order, wait: Wait): Promise<string> {
  const answer = await act(
    parts,
    {
      operation: "createLease",
      name: "CreateCompShareInstance",
      parameters: {
        Region: order.region,
        Zone: order.zone,
        GpuType: order.type,
        GPU: order.cards,
        CPU: order.cpus,
        // MB here, GB in the list of types.
        Memory: order.memoryGb * 1024,
        MachineType: "G",
        MinimalCpuPlatform: "Auto",
        CompShareImageId: order.image,
        ...bootDisk(order.type, order.diskGb),
        ChargeType: order.charge,
        Name: order.name,
        Remark: order.remark,
      },
      schema: createdSchema,
      isWrite: true,
    },
    wait,
  );
  return answer.UHostIds[0];
}

const anything = z.unknown();

/** The part of a zone's name that is its region, as in `cn-wlcb-01`. */
function regionOfZone(zone: string): string {
  return zone.replace(/-\d+$/, "");
}

/** Stops a post-paid machine; a spot machine cannot be stopped. May be repeated. */
export async function stopMachine(parts: Parts, machine: Machine, wait: Wait): Promise<void> {
  const { UHostId, Zone } = machine;
  const parameters = { Region: regionOfZone(Zone), Zone, UHostId };
  const name = "StopCompShareInstance";
  await act(parts, { operation: "releaseLease", name, parameters, schema: anything }, wait);
}

/** Deletes a machine with its data disks, which would bill on otherwise. Post-paid: only once stopped. */
export async function terminateMachine(parts: Parts, machine: Machine, wait: Wait): Promise<void> {
  const { UHostId, Zone } = machine;
  const parameters = { Region: regionOfZone(Zone), Zone, UHostId, ReleaseUDisk: true };
  const name = "TerminateCompShareInstance";
  await act(parts, { operation: "releaseLease", name, parameters, schema: anything }, wait);
}

const projectsSchema = z.object({
  ProjectSet: z.tuple(
    [z.object({ ProjectId: z.string().min(1) })],
    z.object({ ProjectId: z.string() }),
  ),
});

/** The platform stops a timer's machine no sooner than in five minutes. */
const leastAheadSeconds = 300;

/** Sets the time at which the platform stops a post-paid machine by itself; the same time again is fine. */
export async function setStopTime(
  parts: Parts,
  operation: string,
  id: string,
  untilMs: number,
  wait: Wait,
): Promise<void> {
  const nowSeconds = Math.ceil(parts.context.clock.now() / 1000);
  const stopAt = Math.max(Math.ceil(untilMs / 1000), nowSeconds + leastAheadSeconds + 10);
  const parameters = {
    // The only call whose documentation asks for a project of every account.
    ProjectId: parts.config.projectId ?? (await readProject(parts, operation, wait)),
    UHostId: id,
    SchedulerStopTime: stopAt,
  };
  const name = "UpdateCompShareStopScheduler";
  await act(parts, { operation, name, parameters, schema: anything }, wait);
}

async function readProject(parts: Parts, operation: string, wait: Wait): Promise<string> {
  const name = "GetProjectList";
  const answer = await act(
    parts,
    { operation, name, parameters: {}, schema: projectsSchema },
    wait,
  );
  return answer.ProjectSet[0].ProjectId;
}

const balanceSchema = z.object({
  AccountInfo: z.object({
    AmountAvailable: z.union([z.string(), z.number()]).transform(Number).pipe(z.number()),
  }),
});

/** CNY that can be spent; zero when in arrears. */
export async function readBalance(parts: Parts, wait: Wait): Promise<number> {
  const operation = "getBalance";
  const action = { operation, name: "GetBalance", parameters: {}, schema: balanceSchema };
  return Math.max(0, (await act(parts, action, wait)).AccountInfo.AmountAvailable);
}
