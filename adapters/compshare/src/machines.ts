import { passwordAccess, sshCommandSchema, toMachineLease } from "@gpujob/adapter-kit";
import type { Lease, LeaseState, Money } from "@gpujob/spec";
import { z } from "zod";
import type { Parts, Wait } from "./api.ts";
import { act, actOnPages, toMoney } from "./api.ts";
import type { Order } from "./market.ts";
import { bootDisk, placeAndCard } from "./market.ts";

/** Seconds since 1970; 0 and absent are no time. */
const seconds = z
  .number()
  .nonnegative()
  .nullish()
  .transform((value) => (value ? new Date(value * 1000).toISOString() : undefined));

const machineSchema = z.object({
  UHostId: z.string().min(1),
  Name: z.string().nullish(),
  Remark: z.string().nullish(),
  Zone: z.string(),
  State: z.string(),
  ChargeType: z.string(),
  SshLoginCommand: sshCommandSchema,
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

const pageSchema = z
  .object({ UHostSet: z.array(machineSchema), TotalCount: z.int().nonnegative() })
  .transform(({ UHostSet: rows, TotalCount: total }) => ({ rows, total }));

const describe = { name: "DescribeCompShareInstance", schema: pageSchema };

/** Every machine of the account, in all regions. */
export function listMachines(
  parts: Parts,
  operation: string,
  wait: Wait,
): Promise<readonly Machine[]> {
  const idOf = ({ UHostId }: Machine): string => UHostId;
  return actOnPages(parts, { ...describe, operation, idOf }, wait);
}

/** `undefined`: the account has no such machine. */
export async function readMachine(
  parts: Parts,
  operation: string,
  id: string,
  wait: Wait,
): Promise<Machine | undefined> {
  const parameters = { "UHostIds.0": id };
  const { rows } = await act(parts, { ...describe, operation, parameters }, wait);
  return rows.find(({ UHostId }) => UHostId === id);
}

const createdSchema = z.object({ UHostIds: z.tuple([z.string().min(1)], z.string()) });

/** Rents one machine and gives it as it is known before any list shows it. There is no token: never send it twice. */
export async function createMachine(
  parts: Parts,
  order: Order & { readonly name: string; readonly remark: string },
  wait: Wait,
): Promise<Machine> {
  const { name: Name, remark: Remark, charge: ChargeType, image, type, diskGb } = order;
  const parameters = {
    ...placeAndCard(order),
    MachineType: "G",
    MinimalCpuPlatform: "Auto",
    CompShareImageId: image,
    ...bootDisk(type, diskGb),
    ChargeType,
    Name,
    Remark,
  };
  const action = { operation: "createLease", name: "CreateCompShareInstance", parameters };
  const answer = await act(parts, { ...action, schema: createdSchema, isWrite: true }, wait);
  return {
    UHostId: answer.UHostIds[0],
    Name,
    Remark,
    Zone: order.zone,
    State: "Initializing",
    ChargeType,
    SshLoginCommand: undefined,
    CreateTime: undefined,
    ReleaseTime: undefined,
  };
}

/**
 * One step towards a machine's end: a stop, which a spot machine does not know, or its removal with its data disks,
 * which would bill on otherwise. Both may be repeated.
 */
export async function endMachine(
  parts: Parts,
  step: "stop" | "terminate",
  { UHostId, Zone }: Machine,
  wait: Wait,
): Promise<void> {
  const isLast = step === "terminate";
  // The part of a zone's name that is its region, as in `cn-wlcb-01`.
  const Region = Zone.replace(/-\d+$/, "");
  const parameters = { Region, Zone, UHostId, ReleaseUDisk: isLast ? true : undefined };
  const name = isLast ? "TerminateCompShareInstance" : "StopCompShareInstance";
  await act(parts, { operation: "releaseLease", name, parameters, schema: z.unknown() }, wait);
}

const projectSchema = z.object({ ProjectId: z.string().min(1) });
const projectsSchema = z.object({ ProjectSet: z.tuple([projectSchema], z.unknown()) });

/** The platform stops a timer's machine no sooner than in five minutes; some seconds are spent on the way. */
const leastAheadSeconds = 310;

/** Sets the time at which the platform stops a post-paid machine by itself; the same time again is fine. */
export async function setStopTime(
  parts: Parts,
  operation: string,
  { id, until }: { readonly id: string; readonly until: string },
  wait: Wait,
): Promise<void> {
  const soonest = Math.ceil(parts.context.clock.now() / 1000) + leastAheadSeconds;
  const parameters = {
    // The only call whose documentation asks for a project of every account.
    ProjectId: parts.config.projectId ?? (await readProject(parts, operation, wait)),
    UHostId: id,
    SchedulerStopTime: Math.max(Math.ceil(Date.parse(until) / 1000), soonest),
  };
  const name = "UpdateCompShareStopScheduler";
  await act(parts, { operation, name, parameters, schema: z.unknown() }, wait);
}

async function readProject(parts: Parts, operation: string, wait: Wait): Promise<string> {
  const action = { operation, name: "GetProjectList", schema: projectsSchema };
  return (await act(parts, action, wait)).ProjectSet[0].ProjectId;
}

const amount = z.union([z.string(), z.number()]).transform(Number).pipe(z.number());
const balanceSchema = z.object({ AccountInfo: z.object({ AmountAvailable: amount }) });

/** What can be spent; zero when in arrears. */
export async function readBalance(parts: Parts, wait: Wait): Promise<Money> {
  const action = { operation: "getBalance", name: "GetBalance", schema: balanceSchema };
  const { AccountInfo } = await act(parts, action, wait);
  return toMoney(Math.max(0, AccountInfo.AmountAvailable));
}

/** https://www.compshare.cn/docs (2026-06); an empty state means that the platform does not know. */
const states: Readonly<Record<string, LeaseState>> = {
  Initializing: "pending",
  Starting: "pending",
  Rebooting: "pending",
  Resizing: "pending",
  Running: "up",
  Stopping: "releasing",
  Stopped: "stopped",
  "Install Fail": "failed",
};

/** A machine as a lease. Nobody stops a spot machine but the platform: one that is stopped was taken back. */
export function toLease(machine: Machine): Lease {
  const { UHostId, Name, Remark, State, ChargeType, SshLoginCommand, Password } = machine;
  const isTaken = ChargeType === "Spot" && State === "Stopped";
  const hourly = (machine.InstancePrice ?? 0) + (machine.CompShareImagePrice ?? 0);
  return toMachineLease({
    leaseId: UHostId,
    name: Name,
    leaseKey: /^[a-z0-9]{32}$/.exec(Remark ?? "")?.[0],
    state: isTaken ? "failed" : (states[State] ?? "pending"),
    // What bills on while stopped is listed; by default nothing does.
    isBillable: State !== "Stopped" || (machine.PostPayPowerOffBillingResource ?? []).length > 0,
    pricePerHour: hourly === 0 ? undefined : toMoney(hourly),
    startedAt: machine.CreateTime,
    reason: reasonOf(machine, isTaken),
    // Containers are reached as root on port 23, virtual machines as ubuntu on port 22: the command says which.
    access: passwordAccess({
      ...SshLoginCommand,
      password: Buffer.from(Password ?? "", "base64").toString("utf8"),
    }),
  });
}

function reasonOf({ State, ReleaseTime }: Machine, isTaken: boolean): string | undefined {
  if (State === "Install Fail") return "its image could not be installed";
  if (State !== "Stopped") return undefined;
  const until = ReleaseTime === undefined ? "after 7 days" : `on ${ReleaseTime.slice(0, 10)}`;
  return isTaken
    ? `the platform took the spot machine back; it deletes its disk ${until}`
    : `it is stopped; the platform deletes it ${until}`;
}
