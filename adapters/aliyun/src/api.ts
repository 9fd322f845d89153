import type { SdkCall, SdkCalls } from "@gpujob/adapter-kit";
import { createSdkCalls, omitUndefined } from "@gpujob/adapter-kit";
import type { AdapterContext, Secret } from "@gpujob/spec";
import { GpujobError, PlatformError } from "@gpujob/spec";
import type { z } from "zod";
import type { AliyunConfig } from "./config.ts";
import type * as sdkModule from "./ecs-client.ts";
import { aliyunErrors } from "./errors.ts";
import type { Queue } from "./queue.ts";

export type Wait = { readonly signal: AbortSignal };
type Sdk = typeof sdkModule;
type Client = ReturnType<Sdk["createEcsClient"]>;
type Credential = ReturnType<Sdk["createCredential"]>;

/** What every part of the adapter works with. */
export interface Parts {
  readonly config: AliyunConfig;
  readonly context: AdapterContext;
  readonly ecs: Ecs;
  readonly queue: Queue;
}

/** Makes one call of the SDK, once that is loaded. */
type Make<Body> = (client: Client, sdk: Sdk) => Promise<{ body?: Body }>;
type Options = Pick<SdkCall, "isWrite">;

/** ECS and its networks in one region, for one call of the contract. */
export interface Region {
  readonly region: string;
  readonly wait: Wait;
  send<Body>(make: Make<Body>, options?: Options): Promise<Body>;
  /** The same, with `undefined` where the platform says that the thing does not exist. */
  find<Body>(make: Make<Body>): Promise<Body | undefined>;
  /** One call of the VPC service. */
  vpc<Schema extends z.ZodType>(
    action: string,
    query: object,
    schema: Schema,
  ): Promise<z.output<Schema>>;
}

/** ECS in every region. */
export interface Ecs {
  at(region: string, operation: string, wait: Wait): Region;
}

export function createEcs(config: AliyunConfig, context: AdapterContext): Ecs {
  const secrets: Secret[] = [];
  const { platform, clock, fetch } = context;
  const calls: SdkCalls = createSdkCalls({
    platform,
    clock,
    errors: aliyunErrors,
    secrets: () => secrets,
    // The SDK's own 3 s are less than a launch may take.
    timeoutMs: 30_000,
  });
  let found: Promise<Credential> | undefined;

  async function resolve(reference: AliyunConfig["accessKeyId"], name: string): Promise<string> {
    if (reference === undefined) throw halfAKey(platform, name);
    const secret = await context.resolveSecret(reference);
    secrets.push(secret);
    return secret.reveal();
  }

  async function findCredential(sdk: Sdk): Promise<Credential> {
    const { accessKeyId, accessKeySecret, securityToken } = config;
    if (accessKeyId === undefined && accessKeySecret === undefined)
      return sdk.createCredential(undefined);
    return sdk.createCredential({
      accessKeyId: await resolve(accessKeyId, "accessKeyId"),
      accessKeySecret: await resolve(accessKeySecret, "accessKeySecret"),
      ...(securityToken === undefined
        ? {}
        : { securityToken: await resolve(securityToken, "securityToken") }),
    });
  }

  /** Keys that were refused, or could not be had, are asked for anew at the next call. */
  async function guarded<T>(call: Promise<T>): Promise<T> {
    try {
      return await call;
    } catch (error) {
      if (!PlatformError.is(error) || error.kind === "unauthorized") found = undefined;
      throw error;
    }
  }

  async function open(signal: AbortSignal) {
    const sdk = await import("./ecs-client.ts");
    found ??= findCredential(sdk);
    const transport = omitUndefined({ fetch, signal, endpoint: config.endpoint });
    return { sdk, credential: await found, transport };
  }

  return {
    at(region, operation, wait) {
      const run =
        <Body>(make: Make<Body>) =>
        async ({ signal }: Wait): Promise<Body> => {
          const { sdk, credential, transport } = await open(signal);
          const { body } = await make(sdk.createEcsClient(region, credential, transport), sdk);
          if (body === undefined) throw new Error("the answer was empty");
          return body;
        };
      return {
        region,
        wait,
        send: (make, options = {}) =>
          guarded(calls.request({ operation, ...options }, run(make), wait)),
        find: (make) => guarded(calls.find({ operation }, run(make), wait)),
        vpc: (action, query, schema) => {
          const ask = async ({ signal }: Wait) => {
            const { sdk, credential, transport } = await open(signal);
            const call = { regionId: region, action, query };
            return schema.parse(await sdk.callVpc(call, credential, transport));
          };
          return guarded(calls.request({ operation }, ask, wait));
        },
      };
    },
  };
}

function halfAKey(platform: string, name: string): GpujobError {
  return new GpujobError("config_invalid", `platforms.${platform}.${name} is missing.`, {
    hint: "Give accessKeyId and accessKeySecret together, or neither.",
  });
}

/** Every item of a list through all its pages. */
export async function allPages<Page extends { readonly nextToken?: string }, Item>(
  read: (token: { readonly nextToken?: string }) => Promise<Page>,
  items: (page: Page) => readonly Item[] | undefined,
): Promise<readonly Item[]> {
  const found: Item[] = [];
  let token = "";
  do {
    const page: Page = await read(token === "" ? {} : { nextToken: token });
    found.push(...(items(page) ?? []));
    token = page.nextToken ?? "";
  } while (token !== "");
  return found;
}
