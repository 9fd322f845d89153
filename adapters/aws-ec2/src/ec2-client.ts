// The vendor's SDK costs some 400 ms and 90 MB: this file is loaded when a platform of this kind is first asked.
import { EC2Client } from "@aws-sdk/client-ec2";
import type { EC2ClientConfig } from "@aws-sdk/client-ec2";

export {
  AuthorizeSecurityGroupEgressCommand,
  AuthorizeSecurityGroupIngressCommand,
  CreateSecurityGroupCommand,
  DeleteKeyPairCommand,
  DeleteSecurityGroupCommand,
  DeleteVolumeCommand,
  DescribeImagesCommand,
  DescribeInstancesCommand,
  DescribeInstanceTypeOfferingsCommand,
  DescribeInstanceTypesCommand,
  DescribeKeyPairsCommand,
  DescribeSecurityGroupsCommand,
  DescribeSpotPriceHistoryCommand,
  DescribeSubnetsCommand,
  DescribeVolumesCommand,
  DescribeVpcsCommand,
  ImportKeyPairCommand,
  RunInstancesCommand,
  TerminateInstancesCommand,
} from "@aws-sdk/client-ec2";

type Settings = Pick<EC2ClientConfig, "region" | "endpoint" | "credentials" | "profile">;
/** What the SDK hands to whoever sends its requests. */
interface Request {
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  readonly path: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

interface Answer {
  readonly response: {
    readonly statusCode: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: Uint8Array;
  };
}

/**
 * A client that sends each request once: by default a full zone would be asked three times, because "no capacity" is an
 * HTTP 500. Requests go through `fetch`, which knows the proxies.
 */
export function createEc2Client(
  settings: { readonly [Key in keyof Settings]: Exclude<Settings[Key], undefined> },
  fetch: typeof globalThis.fetch,
): EC2Client {
  return new EC2Client({ ...settings, maxAttempts: 1, requestHandler: { handle: sendBy(fetch) } });
}

/** Every request of this service is a POST to one path, with a form as its body. */
function sendBy(
  fetch: typeof globalThis.fetch,
): (request: Request, options?: { readonly abortSignal?: unknown }) => Promise<Answer> {
  return async ({ protocol, hostname, port, path, method, headers, body }, options) => {
    const { host: _host, "content-length": _length, ...rest } = headers;
    const signal = options?.abortSignal;
    const stop = signal instanceof AbortSignal ? { signal } : {};
    const url = `${protocol}//${hostname}${port === undefined ? "" : `:${port}`}${path}`;
    const form = typeof body === "string" ? { body } : {};
    const answer = await fetch(url, { method, headers: rest, ...form, ...stop });
    return {
      response: {
        statusCode: answer.status,
        headers: Object.fromEntries(answer.headers),
        body: new Uint8Array(await answer.arrayBuffer()),
      },
    };
  };
}
