// The vendor's SDK loads some thousand classes, which takes about half a second: this file is loaded when a platform of
// this kind is first asked.
import EcsModule from "@alicloud/ecs20140526";
import CredentialModule, { Config as CredentialConfig } from "@alicloud/credentials";
import { $OpenApiUtil, OpenApiUtil } from "@alicloud/openapi-core";

export {
  AuthorizeSecurityGroupRequest,
  CreateSecurityGroupRequest,
  DeleteInstancesRequest,
  DeleteKeyPairsRequest,
  DeleteSecurityGroupRequest,
  DescribeAvailableResourceRequest,
  DescribeImageFromFamilyRequest,
  DescribeImagesRequest,
  DescribeInstanceHistoryEventsRequest,
  DescribeInstancesRequest,
  DescribeInstanceTypesRequest,
  DescribeKeyPairsRequest,
  DescribePriceRequest,
  DescribeSecurityGroupsRequest,
  DescribeSpotPriceHistoryRequest,
  ImportKeyPairRequest,
  ModifyInstanceAutoReleaseTimeRequest,
  RunInstancesRequest,
} from "@alicloud/ecs20140526";

/** The default export of a CommonJS package: tools differ in whether its default import is that, or what carries it. */
function defaultOf<Default>(imported: { readonly default: Default }): Default {
  const direct: unknown = imported;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the one class that these packages export by default
  return typeof direct === "function" ? (direct as Default) : imported.default;
}

type Client = InstanceType<typeof EcsModule.default>;
/** Where keys come from: configured ones, or whatever the SDK's own chain finds. */
type Credential = Client["_credential"];
type Params = Parameters<Client["doRequest"]>[0];
type Request = Parameters<Client["doRequest"]>[1];
/** One request and its answer, in the SDK's own shape. */
type Exchange = (params: Params, request: Request) => ReturnType<Client["doRequest"]>;
type Unsigned = Parameters<typeof OpenApiUtil.getAuthorization>[0];

/** A pair of keys, with the token of a session where there is one. */
export interface AliyunKeys {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  readonly securityToken?: string;
}

/** Without keys: the environment, the files under `~/.aliyun` and `~/.alibabacloud`, the role of this machine. */
export function createCredential(keys: AliyunKeys | undefined): Credential {
  if (keys === undefined) return new (defaultOf(CredentialModule))();
  const type = keys.securityToken === undefined ? "access_key" : "sts";
  return new (defaultOf(CredentialModule))(new CredentialConfig({ ...keys, type }));
}

/** How requests of one call travel. */
export interface Transport {
  readonly fetch: typeof globalThis.fetch;
  readonly signal: AbortSignal;
  /** Instead of the vendor's address. */
  readonly endpoint?: string;
}

/**
 * A client for one call. Its requests are signed by the SDK and sent once, through `fetch`: the SDK's own way gives up
 * after 3 seconds, knows no proxy, cannot be cancelled, and writes the whole address into its errors.
 */
export function createEcsClient(
  regionId: string,
  credential: Credential,
  transport: Transport,
): Client {
  const client = new (defaultOf(EcsModule))(configOf(regionId, credential, transport));
  // oxlint-disable-next-line no-underscore-dangle -- the region's address by the SDK's own table, which it tells nowhere else
  client.doRequest = exchangeBy({ host: client._endpoint, credential }, transport);
  return client;
}

function configOf(
  regionId: string,
  credential: Credential,
  { endpoint }: Transport,
): InstanceType<typeof $OpenApiUtil.Config> {
  const at = endpoint === undefined ? {} : { endpoint: new URL(endpoint).host };
  return new $OpenApiUtil.Config({ regionId, credential, ...at });
}

const vpcVersion = "2016-04-28";

/** One call of the VPC service, whose own package is as large again. The answer has the names of the wire. */
export async function callVpc(
  { regionId, action, query }: { regionId: string; action: string; query: object },
  credential: Credential,
  transport: Transport,
): Promise<unknown> {
  // https://api.aliyun.com/product/Vpc (2026-11): one region's address is older than the rule.
  const usual = regionId === "cn-hangzhou" ? "vpc.aliyuncs.com" : `vpc.${regionId}.aliyuncs.com`;
  const { endpoint } = transport;
  const host = endpoint === undefined ? usual : new URL(endpoint).host;
  const exchange = exchangeBy({ host, credential }, transport);
  const params = new $OpenApiUtil.Params({
    action,
    version: vpcVersion,
    protocol: "HTTPS",
    pathname: "/",
    method: "POST",
    authType: "AK",
    style: "RPC",
    reqBodyType: "formData",
    bodyType: "json",
  });
  const request = new $OpenApiUtil.OpenApiRequest({
    query: OpenApiUtil.query({ RegionId: regionId, ...query }),
  });
  const answer = await exchange(params, request);
  return answer["body"];
}

const algorithm = "ACS3-HMAC-SHA256";

/** Who is asked, and by whom. */
interface Parties {
  readonly host: string;
  readonly credential: Credential;
}

function exchangeBy(parties: Parties, { fetch, signal, endpoint }: Transport): Exchange {
  const protocol = endpoint === undefined ? "https:" : new URL(endpoint).protocol;
  return async (params, request) => {
    const { headers, query } = await sign(parties, params, request);
    const { host, ...sent } = headers;
    const url = `${protocol}//${host}/?${toQuery(query)}`;
    const answer = await fetch(url, { method: "POST", headers: sent, signal });
    const text = await answer.text();
    if (answer.status >= 400) throw refusalOf(answer, text);
    const body: unknown = JSON.parse(text);
    return { headers: Object.fromEntries(answer.headers), statusCode: answer.status, body };
  };
}

/** A space is `%20`, as in what is signed, and not the `+` of forms. */
function toQuery(query: Readonly<Record<string, string>>): string {
  return Object.entries(query)
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .join("&");
}

interface Signed {
  readonly headers: Readonly<Record<string, string>> & { readonly host: string };
  readonly query: Readonly<Record<string, string>>;
}

/** Everything stands in the query, as in the SDK itself: whether the service reads a form is told nowhere. */
async function sign(
  { host, credential }: Parties,
  params: Params,
  { query = {} }: Request,
): Promise<Signed> {
  const keys = await readKeys(credential);
  const payload = OpenApiUtil.hash(Buffer.alloc(0), algorithm).toString("hex");
  const session =
    keys.securityToken === undefined
      ? {}
      : {
          "x-acs-accesskey-id": keys.accessKeyId,
          "x-acs-security-token": keys.securityToken,
        };
  const headers = {
    host,
    accept: "application/json",
    "x-acs-action": params.action,
    "x-acs-version": params.version,
    "x-acs-date": OpenApiUtil.getTimestamp(),
    "x-acs-signature-nonce": OpenApiUtil.getNonce(),
    "x-acs-content-sha256": payload,
    ...session,
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what is signed: the rest of the type is for its sender
  const unsigned = { method: "POST", pathname: "/", query, headers } as unknown as Unsigned;
  const authorization = OpenApiUtil.getAuthorization(
    unsigned,
    algorithm,
    payload,
    keys.accessKeyId,
    keys.accessKeySecret,
  );
  return { headers: { ...headers, authorization }, query };
}

async function readKeys(credential: Credential): Promise<AliyunKeys> {
  try {
    const {
      accessKeyId = "",
      accessKeySecret = "",
      securityToken,
    } = await credential.getCredential();
    const session = securityToken ? { securityToken } : {};
    return { accessKeyId, accessKeySecret, ...session };
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    throw Object.assign(new Error(text, { cause }), { code: "InvalidCredentials" });
  }
}

/** What a refusal says; one that is not even JSON, as a proxy's, has its status alone. */
function refusalOf(answer: Response, text: string): Error {
  const { Code = "", Message = "", RequestId } = parseRefusal(text);
  const after = Number(answer.headers.get("x-acs-retry-after") ?? Number.NaN);
  return Object.assign(new Error(Message), {
    code: Code,
    statusCode: answer.status,
    ...(RequestId === undefined ? {} : { requestId: RequestId }),
    ...(after >= 0 ? { retryAfter: after } : {}),
  });
}

function parseRefusal(text: string): { Code?: string; Message?: string; RequestId?: string } {
  try {
    const body: unknown = JSON.parse(text);
    const read = (name: string): string | undefined => {
      const value: unknown = typeof body === "object" && body !== null && Reflect.get(body, name);
      return typeof value === "string" ? value : undefined;
    };
    const [Code, Message, RequestId] = [read("Code"), read("Message"), read("RequestId")];
    return {
      ...(Code === undefined ? {} : { Code }),
      ...(Message === undefined ? {} : { Message }),
      ...(RequestId === undefined ? {} : { RequestId }),
    };
  } catch {
    return {};
  }
}
