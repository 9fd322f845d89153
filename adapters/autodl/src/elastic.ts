import { passwordAccess, refuse, sshCommandSchema, toMachineLease } from "@gpujob/adapter-kit";
import type { Lease, LeaseState } from "@gpujob/spec";
import { z } from "zod";
import {
  call,
  find,
  isStateConflict,
  nullableTime,
  readList,
  readStock,
  thousandths,
  toPrice,
} from "./api.ts";
import { findImage } from "./images.ts";
import { listElasticOffers } from "./offers.ts";
import type { Parts, Product, Wait } from "./product.ts";
import { accelerationCommand, secondsLeft } from "./start-command.ts";

const deploymentSchema = z
  .object({ uuid: z.string().min(1), name: z.string().nullish(), status: z.string() })
  .transform(({ uuid, ...rest }) => ({ id: uuid, ...rest }));

type Deployment = z.infer<typeof deploymentSchema>;

const containerSchema = z
  .object({
    uuid: z.string().min(1),
    status: z.string(),
    price: thousandths.nullish(),
    started_at: nullableTime,
    stopped_at: nullableTime,
    info: z
      .object({ ssh_command: sshCommandSchema, root_password: z.string().nullish() })
      .nullish(),
  })
  .transform(({ uuid, ...rest }) => ({ id: uuid, ...rest }));

type Container = z.infer<typeof containerSchema>;

/** Events of a container — https://www.autodl.com/docs/esd_api_doc (2026-09) */
const states: Readonly<Record<string, LeaseState>> = {
  creating: "pending",
  created: "pending",
  starting: "pending",
  oss_merged: "pending",
  running: "up",
  shutting_down: "releasing",
  shutdown: "ended",
};

/** Far above any machine: 1000 of the currency per hour, in thousandths. */
const anyPrice = 1_000_000;

/** Elastic Deployment: one container for each lease, for enterprise accounts, private clusters and GPUhub. */
export function createElastic(parts: Parts): Product<Deployment> {
  const { config, context, site } = parts;

  function list(
    operation: string,
    filter: { readonly deployment_uuid?: string },
    wait: Wait,
  ): Promise<readonly Deployment[]> {
    return readList(
      parts,
      { operation, path: "/deployment/list", filter, row: deploymentSchema },
      wait,
    );
  }

  function toLease({ id, name, status }: Deployment, container?: Container): Lease {
    const { price, info, started_at: startedAt, stopped_at: stoppedAt } = container ?? {};
    const stateWithout = status === "stopped" ? "ended" : "pending";
    const state = container === undefined ? stateWithout : (states[container.status] ?? "pending");
    return toMachineLease({
      leaseId: id,
      name,
      state,
      // A container that waits for a card costs nothing.
      isBillable: state !== "ended" && (state !== "pending" || startedAt !== undefined),
      pricePerHour: toPrice(site.currency, price),
      startedAt,
      endedAt: state === "ended" ? stoppedAt : undefined,
      access: passwordAccess({ ...info?.ssh_command, password: info?.root_password }),
      root: config.root ?? "/root/autodl-tmp/.gpujob",
    });
  }

  return {
    listOffers: (wait) => listElasticOffers(parts, wait),
    list: (operation, wait) => list(operation, {}, wait),

    async find(operation, id, wait) {
      const rows = await list(operation, { deployment_uuid: id }, wait);
      return rows.find((one) => one.id === id);
    },

    async read(operation, deployment, wait) {
      const containers = await readList(
        parts,
        {
          operation,
          path: "/deployment/container/list",
          filter: { deployment_uuid: deployment.id },
          row: containerSchema,
        },
        wait,
      );
      return toLease(deployment, newest(containers));
    },

    known: (deployment) => toLease(deployment),

    // A deployment is made without stock too, and its container would wait for ever.
    async check({ offer: { region, instanceType: card, gpu } }, wait) {
      const idle = (await readStock(parts, "createLease", region, wait)).get(card);
      if (idle === undefined || idle >= (gpu?.count ?? 1)) return;
      const what = `${idle} ${card} are idle in ${region}, too few`;
      const place = { platform: context.platform, operation: "createLease" };
      throw refuse(place, { kind: "no_capacity", scope: "offer", what });
    },

    async create(request, name, wait) {
      const { offer, priceLimit } = request;
      const image = findImage(context.platform, request.image ?? config.image);
      const limit = priceLimit?.currency === site.currency ? priceLimit.micros : undefined;
      const template = {
        dc_list: [offer.region],
        gpu_name_set: [offer.instanceType],
        gpu_num: offer.gpu?.count ?? 1,
        cuda_v_from: image.cuda,
        cuda_v_to: 999,
        // Floors of the scheduler: anything higher than the lowest may never be scheduled.
        cpu_num_from: 1,
        cpu_num_to: 1000,
        memory_size_from: 1,
        memory_size_to: 10_000,
        price_from: 0,
        price_to: limit === undefined ? anyPrice : Math.floor(limit / 1000),
        image_uuid: image.id,
        // Its end is the container's, and the end of the bill: no driver is needed for that.
        cmd: `${accelerationCommand(config)}sleep ${secondsLeft(request, context)}`,
      };
      const kind = { deployment_type: "Container", reuse_container: false };
      const json = { name, ...kind, container_template: template };
      const data = z.object({ deployment_uuid: z.string().min(1) });
      const order = { operation: "createLease", path: "/deployment", json, data, isWrite: true };
      const { deployment_uuid: id } = await call(parts, order, wait);
      return { id, name, status: "running" };
    },

    // Stops what runs and removes the deployment.
    async end({ id }, wait) {
      const json = { deployment_uuid: id };
      const removal = { operation: "releaseLease", path: "/deployment", json, data: z.unknown() };
      try {
        await find(parts, { ...removal, method: "DELETE" }, wait);
      } catch (error) {
        // Somebody else is deleting it already; the next look shows it.
        if (!isStateConflict(error)) throw error;
      }
      return true;
    },
  };
}

function newest(containers: readonly Container[]): Container | undefined {
  return containers.toSorted((one, other) =>
    (other.started_at ?? "9").localeCompare(one.started_at ?? "9"),
  )[0];
}
