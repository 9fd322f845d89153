import { z } from "zod";
import type { Parts, Wait } from "./api.ts";
import { dataOf, nullableTime, readPages, thousandths } from "./api.ts";

const base = "/instance/pro";

const rowSchema = z.object({
  uuid: z.string().min(1),
  name: z.string().nullish(),
  status: z.string(),
  started_at: nullableTime,
  stopped_at: nullableTime,
});

/** A row of the list: the only place that tells the name. */
export type Instance = z.infer<typeof rowSchema>;

const snapshotSchema = z.object({
  proxy_host: z.string().nullish(),
  ssh_port: z.int().nullish(),
  root_password: z.string().nullish(),
  payg_price: thousandths.nullish(),
  expand_system_disk_size: z.number().nullish(),
});

/** Access and price; both may change when the machine is powered on again. */
export type Snapshot = z.infer<typeof snapshotSchema>;

export function listInstances(
  parts: Parts,
  operation: string,
  wait: Wait,
): Promise<readonly Instance[]> {
  const list = {
    operation,
    path: `${base}/list`,
    row: rowSchema,
    idOf: (row: Instance) => row.uuid,
  };
  return readPages(parts, list, wait);
}

const statusSchema = dataOf(z.string().min(1));

/** `undefined`: the platform knows no such instance. A GET takes its parameters in the query only. */
export function readStatus(
  { client }: Parts,
  operation: string,
  id: string,
  wait: Wait,
): Promise<string | undefined> {
  const query = { instance_uuid: id };
  return client.find({ operation, path: `${base}/status`, query, schema: statusSchema }, wait);
}

export function readSnapshot(
  { client }: Parts,
  operation: string,
  id: string,
  wait: Wait,
): Promise<Snapshot | undefined> {
  const query = { instance_uuid: id };
  const schema = dataOf(snapshotSchema);
  return client.find({ operation, path: `${base}/snapshot`, query, schema }, wait);
}

/** What a create needs, in the platform's terms. */
export interface Order {
  readonly name: string;
  readonly spec: string;
  readonly cards: number;
  readonly image: string;
  /** Of the driver, at least, without its point. */
  readonly cuda: number;
  /** Above the system disk of 30 GB. */
  readonly extraDiskGb: number;
  /** Absent: wherever a card is free. */
  readonly region?: string;
  readonly startCommand: string;
}

/** Rents and boots; answers with the id alone. There is no token: never send it twice. */
export function createInstance({ client }: Parts, order: Order, wait: Wait): Promise<string> {
  const json = {
    req_gpu_amount: order.cards,
    gpu_spec_uuid: order.spec,
    image_uuid: order.image,
    cuda_v_from: order.cuda,
    expand_system_disk_by_gb: order.extraDiskGb,
    instance_name: order.name,
    start_command: order.startCommand,
    ...(order.region === undefined ? {} : { data_center_list: [order.region] }),
  };
  return client.request(
    {
      operation: "createLease",
      method: "POST",
      path: `${base}/create`,
      body: { json },
      schema: dataOf(z.string().min(1)),
    },
    wait,
  );
}

/** Asks for the next step of an end; may be repeated. `undefined`: there is no such instance. */
export function endStep(
  { client }: Parts,
  step: "power_off" | "release",
  id: string,
  wait: Wait,
): Promise<unknown> {
  return client.find(
    {
      operation: "releaseLease",
      method: "POST",
      path: `${base}/${step}`,
      body: { json: { instance_uuid: id } },
      schema: dataOf(z.unknown()),
      isWrite: false,
    },
    wait,
  );
}
