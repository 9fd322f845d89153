import { z } from "zod";
import type { Parts, Wait } from "./api.ts";
import { dataOf, nullableTime, readPages, sshCommand, thousandths } from "./api.ts";

const deploymentSchema = z.object({
  uuid: z.string().min(1),
  name: z.string().nullish(),
  status: z.string(),
});

export type Deployment = z.infer<typeof deploymentSchema>;

const containerSchema = z.object({
  uuid: z.string().min(1),
  status: z.string(),
  price: thousandths.nullish(),
  started_at: nullableTime,
  stopped_at: nullableTime,
  info: z.object({ ssh_command: sshCommand, root_password: z.string().nullish() }).nullish(),
});

export type Container = z.infer<typeof containerSchema>;

/** All deployments, or the one of an id. */
export function listDeployments(
  parts: Parts,
  operation: string,
  filter: { readonly deployment_uuid?: string },
  wait: Wait,
): Promise<readonly Deployment[]> {
  const idOf = ({ uuid }: Deployment): string => uuid;
  const path = "/deployment/list";
  return readPages(parts, { operation, path, filter, row: deploymentSchema, idOf }, wait);
}

/** The containers of a deployment, among them those that have ended. */
export function listContainers(
  parts: Parts,
  operation: string,
  deployment: string,
  wait: Wait,
): Promise<readonly Container[]> {
  const idOf = ({ uuid }: Container): string => uuid;
  const path = "/deployment/container/list";
  const filter = { deployment_uuid: deployment };
  return readPages(parts, { operation, path, filter, row: containerSchema, idOf }, wait);
}

/** What a create needs, in the platform's terms. */
export interface DeploymentOrder {
  readonly name: string;
  readonly card: string;
  readonly cards: number;
  readonly region: string;
  readonly image: string;
  readonly cuda: number;
  /** Dearest container, in thousandths per hour. */
  readonly highestPrice: number;
  /** The container lives and bills as long as this runs. */
  readonly command: string;
}

const createdSchema = dataOf(z.object({ deployment_uuid: z.string().min(1) }));

/** Made without stock too: the container then waits. There is no token: never send it twice. */
export async function createDeployment(
  { client }: Parts,
  order: DeploymentOrder,
  wait: Wait,
): Promise<string> {
  const template = {
    dc_list: [order.region],
    gpu_name_set: [order.card],
    gpu_num: order.cards,
    cuda_v_from: order.cuda,
    cuda_v_to: 999,
    // Floors of the scheduler: anything higher than the lowest may never be scheduled.
    cpu_num_from: 1,
    cpu_num_to: 1000,
    memory_size_from: 1,
    memory_size_to: 10_000,
    price_from: 0,
    price_to: order.highestPrice,
    image_uuid: order.image,
    cmd: order.command,
  };
  const json = {
    name: order.name,
    deployment_type: "Container",
    reuse_container: false,
    container_template: template,
  };
  const answer = await client.request(
    {
      operation: "createLease",
      method: "POST",
      path: "/deployment",
      body: { json },
      schema: createdSchema,
    },
    wait,
  );
  return answer.deployment_uuid;
}

/** Stops what runs and removes the deployment; may be repeated. `undefined`: there is none. */
export function deleteDeployment({ client }: Parts, id: string, wait: Wait): Promise<unknown> {
  return client.find(
    {
      operation: "releaseLease",
      method: "DELETE",
      path: "/deployment",
      body: { json: { deployment_uuid: id } },
      schema: dataOf(z.unknown()),
      isWrite: false,
    },
    wait,
  );
}
