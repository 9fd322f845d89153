import type {
  $Command,
  EC2ClientResolvedConfig,
  ServiceInputTypes,
  ServiceOutputTypes,
} from "@aws-sdk/client-ec2";
import type { SdkCall, SdkCalls } from "@gpujob/adapter-kit";
import { createSdkCalls, omitUndefined } from "@gpujob/adapter-kit";
import type { AdapterContext, Secret } from "@gpujob/spec";
import { GpujobError, PlatformError } from "@gpujob/spec";
import type { AwsConfig } from "./config.ts";
import { awsErrors } from "./errors.ts";
import type * as sdkModule from "./ec2-client.ts";

export type Wait = { readonly signal: AbortSignal };
type Sdk = typeof sdkModule;
type Client = ReturnType<Sdk["createEc2Client"]>;

/** What every part of the adapter works with. */
export interface Parts {
  readonly config: AwsConfig;
  readonly context: AdapterContext;
  readonly ec2: Ec2;
}

/** Makes one request of the SDK, once that is loaded. */
type Make<In extends ServiceInputTypes, Out extends ServiceOutputTypes> = (
  sdk: Sdk,
) => $Command<In, Out, EC2ClientResolvedConfig, ServiceInputTypes, ServiceOutputTypes>;

/** EC2 in one region, for one call of the contract. */
export interface Region {
  readonly region: string;
  send<In extends ServiceInputTypes, Out extends ServiceOutputTypes>(
    make: Make<In, Out>,
    call?: Pick<SdkCall, "isWrite">,
  ): Promise<Out>;
  /** The same, with `undefined` where EC2 says that the thing does not exist. */
  find<In extends ServiceInputTypes, Out extends ServiceOutputTypes>(
    make: Make<In, Out>,
  ): Promise<Out | undefined>;
}

/** EC2 in every region, one client each, made at the first call. */
export interface Ec2 {
  at(region: string, operation: string, wait: Wait): Region;
  /** The keys that sign, for other services of the same account. */
  readKeys(region: string, operation: string, wait: Wait): Promise<AwsKeys>;
  close(): void;
}

/** A pair of keys, with the token of a session where there is one. */
export interface AwsKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export function createEc2(config: AwsConfig, context: AdapterContext): Ec2 {
  const clients = new Map<string, Client>();
  const secrets: Secret[] = [];
  const calls: SdkCalls = createSdkCalls({
    platform: context.platform,
    clock: context.clock,
    errors: awsErrors,
    secrets: () => secrets,
  });

  async function resolve(reference: AwsConfig["accessKeyId"], name: string): Promise<string> {
    if (reference === undefined) throw halfAKey(context.platform, name);
    const secret = await context.resolveSecret(reference);
    secrets.push(secret);
    return secret.reveal();
  }

  /** The configured keys; `undefined` leaves it to the SDK to find some. */
  function credentials(): (() => Promise<AwsKeys>) | undefined {
    const { accessKeyId, secretAccessKey, sessionToken } = config;
    if (accessKeyId === undefined && secretAccessKey === undefined) return undefined;
    return async () => ({
      accessKeyId: await resolve(accessKeyId, "accessKeyId"),
      secretAccessKey: await resolve(secretAccessKey, "secretAccessKey"),
      ...(sessionToken === undefined
        ? {}
        : { sessionToken: await resolve(sessionToken, "sessionToken") }),
    });
  }

  async function open(region: string): Promise<{ readonly sdk: Sdk; readonly client: Client }> {
    const sdk = await import("./ec2-client.ts");
    const known = clients.get(region);
    if (known !== undefined) return { sdk, client: known };
    const { endpoint, profile } = config;
    const keys = credentials();
    const client = sdk.createEc2Client(
      omitUndefined({ region, endpoint, profile, credentials: keys }),
      context.fetch,
    );
    clients.set(region, client);
    return { sdk, client };
  }

  /** Keys that were refused are asked for anew at the next call. */
  async function guarded<T>(region: string, call: Promise<T>): Promise<T> {
    try {
      return await call;
    } catch (error) {
      if (PlatformError.is(error) && error.kind === "unauthorized") clients.delete(region);
      throw error;
    }
  }

  return {
    at(region, operation, wait) {
      const run =
        <In extends ServiceInputTypes, Out extends ServiceOutputTypes>(make: Make<In, Out>) =>
        async ({ signal }: Wait): Promise<Out> => {
          const { sdk, client } = await open(region);
          return client.send(make(sdk), { abortSignal: signal });
        };
      return {
        region,
        send: (make, call) =>
          guarded(region, calls.request({ operation, ...call }, run(make), wait)),
        find: (make) => guarded(region, calls.find({ operation }, run(make), wait)),
      };
    },
    readKeys(region, operation, wait) {
      const read = async (): Promise<AwsKeys> => (await open(region)).client.config.credentials();
      return guarded(region, calls.request({ operation }, read, wait));
    },
    close() {
      for (const client of clients.values()) client.destroy();
      clients.clear();
    },
  };
}

function halfAKey(platform: string, name: string): GpujobError {
  return new GpujobError("config_invalid", `platforms.${platform}.${name} is missing.`, {
    hint: "Give accessKeyId and secretAccessKey together, or neither.",
  });
}

/** Every item of a list through all its pages. */
export async function allPages<Page extends { readonly NextToken?: string | undefined }, Item>(
  read: (token: { readonly NextToken?: string }) => Promise<Page>,
  items: (page: Page) => readonly Item[] | undefined,
): Promise<readonly Item[]> {
  const found: Item[] = [];
  let token: string | undefined;
  do {
    const page: Page = await read(token === undefined ? {} : { NextToken: token });
    found.push(...(items(page) ?? []));
    token = page.NextToken;
  } while (token !== undefined && token !== "");
  return found;
}
