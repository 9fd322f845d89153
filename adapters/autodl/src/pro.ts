import { passwordAccess, toMachineLease } from "@gpujob/adapter-kit";
import type { Lease, LeaseState } from "@gpujob/spec";
import { z } from "zod";
import {
  call,
  find,
  isStateConflict,
  nullableTime,
  readList,
  thousandths,
  toPrice,
} from "./api.ts";
import { findImage } from "./images.ts";
import { anyRegion } from "./places.ts";
import { listProOffers, systemDiskGib } from "./offers.ts";
import type { Parts, Product, Wait } from "./product.ts";
import { startCommand } from "./start-command.ts";

const base = "/instance/pro";

const machineSchema = z
  .object({
    uuid: z.string().min(1),
    name: z.string().nullish(),
    status: z.string(),
    started_at: nullableTime,
    stopped_at: nullableTime,
  })
  .transform(({ uuid, ...rest }) => ({ id: uuid, ...rest }));

type Machine = z.infer<typeof machineSchema>;

// Access and price; both may change when the machine is powered on again.
const snapshotSchema = z.object({
  proxy_host: z.string().nullish(),
  ssh_port: z.int().nullish(),
  root_password: z.string().nullish(),
  payg_price: thousandths.nullish(),
  expand_system_disk_size: z.number().nullish(),
});

type Snapshot = z.infer<typeof snapshotSchema>;

/** Seen from 2026-07 to 09; the documentation lists none. One that is added later counts as pending: billing, not usable. */
const states: Readonly<Record<string, LeaseState>> = {
  creating: "pending",
  starting: "pending",
  running: "up",
  shutting_down: "releasing",
  shutdown: "stopped",
  releasing: "releasing",
  released: "ended",
  failed: "failed",
};

/** Billing runs from power-on to power-off. */
const free = new Set(["creating", "shutdown", "releasing", "released"]);

const poweredOff =
  "it is powered off: cards are free then, a larger disk is not, and after 15 days the platform deletes it";

/** Container Instance Pro: open to every verified account, with machines that boot when they are created. */
export function createPro(parts: Parts): Product<Machine> {
  const { config, context, site } = parts;

  const readRows = (operation: string, wait: Wait): Promise<readonly Machine[]> =>
    readList(parts, { operation, path: `${base}/list`, row: machineSchema }, wait);

  function toLease(machine: Machine, snapshot?: Snapshot): Lease {
    const { id, name, status, started_at: startedAt, stopped_at: stoppedAt } = machine;
    const { proxy_host: host, ssh_port: port, root_password: password } = snapshot ?? {};
    const isLarger = (snapshot?.expand_system_disk_size ?? 0) > 0;
    const isFree = free.has(status);
    return toMachineLease({
      leaseId: id,
      name,
      state: states[status] ?? "pending",
      isBillable: !isFree,
      pricePerHour: toPrice(site.currency, snapshot?.payg_price),
      startedAt,
      endedAt: isFree && startedAt !== undefined ? stoppedAt : undefined,
      reason: status === "shutdown" ? poweredOff : undefined,
      access: port ? passwordAccess({ host, port, password }) : undefined,
      // The data disk does not grow; where the system disk was made larger, work goes there.
      root: config.root ?? (isLarger ? "/root/.gpujob" : "/root/autodl-tmp/.gpujob"),
    });
  }

  return {
    listOffers: (wait) => listProOffers(parts, wait),

    async list(operation, wait) {
      return (await readRows(operation, wait)).filter(({ status }) => states[status] !== "ended");
    },

    // The status says whether there is such a machine; only the list tells its name, and may show it late.
    async find(operation, id, wait) {
      const query = { instance_uuid: id };
      const path = `${base}/status`;
      const schema = z.string().min(1);
      const status = await find(parts, { operation, path, query, data: schema }, wait);
      if (status === undefined) return undefined;
      const row = (await readRows(operation, wait)).find((one) => one.id === id);
      return { ...untold, ...row, id, status };
    },

    async read(operation, machine, wait) {
      if (states[machine.status] === "ended") return toLease(machine);
      const query = { instance_uuid: machine.id };
      const path = `${base}/snapshot`;
      return toLease(
        machine,
        await find(parts, { operation, path, query, data: snapshotSchema }, wait),
      );
    },

    known: (machine) => toLease(machine),
    // Nothing tells what Pro has in stock: a create does.
    check: async () => undefined,

    async create(request, name, wait) {
      const { offer, diskGib } = request;
      const image = findImage(context.platform, request.image ?? config.image);
      const json = {
        req_gpu_amount: offer.gpu?.count ?? 1,
        gpu_spec_uuid: offer.instanceType,
        image_uuid: image.id,
        cuda_v_from: image.cuda,
        expand_system_disk_by_gb: Math.max(0, Math.ceil(diskGib) - systemDiskGib),
        instance_name: name,
        start_command: startCommand(request, config, context),
        ...(offer.region === anyRegion ? {} : { data_center_list: [offer.region] }),
      };
      const order = { operation: "createLease", path: `${base}/create`, json, isWrite: true };
      const id = await call(parts, { ...order, data: z.string().min(1) }, wait);
      return { ...untold, id, name, status: "creating" };
    },

    async end({ id, status }, wait) {
      const state = states[status];
      if (state === "ended" || state === "releasing") return state === "releasing";
      // A power-off is lost without a word while the machine boots: every later call sends it again.
      const isOff = status === "shutdown";
      const isAccepted = await takeStep(parts, isOff ? "release" : "power_off", id, wait);
      // Nobody has told how an instance is released that failed and cannot be powered off.
      if (!isAccepted && status === "failed") await takeStep(parts, "release", id, wait);
      return true;
    },
  };
}

/** What only the list tells, before it shows a machine. */
const untold = { name: undefined, started_at: undefined, stopped_at: undefined };

/** `false` where the step does not fit the machine's state, as when somebody else has just taken it; a look shows it. */
async function takeStep(
  parts: Parts,
  step: "power_off" | "release",
  id: string,
  wait: Wait,
): Promise<boolean> {
  const json = { instance_uuid: id };
  const action = { operation: "releaseLease", path: `${base}/${step}`, json, data: z.unknown() };
  try {
    await find(parts, action, wait);
    return true;
  } catch (error) {
    if (!isStateConflict(error)) throw error;
    return false;
  }
}
