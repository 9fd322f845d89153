import { isIPv4 } from "node:net";
import type { Dispatcher } from "undici";
import { Agent, EnvHttpProxyAgent, fetch as undiciFetch } from "undici";

/** Environment variables by name. */
export type ProxyEnvironment = Readonly<Record<string, string | undefined>>;

/**
 * A `fetch` that goes through the proxies that the environment names: `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, in
 * lower case first, as curl reads them. Addresses of this machine are never sent to a proxy.
 */
export function createProxyFetch(env: ProxyEnvironment): typeof globalThis.fetch {
  const read = (name: string): string => env[name.toLowerCase()] ?? env[name] ?? "";
  const direct = new Agent();
  const dispatcher = new EnvHttpProxyAgent({
    httpProxy: read("HTTP_PROXY"),
    httpsProxy: read("HTTPS_PROXY"),
    noProxy: read("NO_PROXY"),
  }).compose(
    (dispatch) => (options, handler) =>
      isLoopback(options) ? direct.dispatch(options, handler) : dispatch(options, handler),
  );
  // Two declarations of one standard, undici's and Node's: alike at run time, apart in details of their types.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see above
  const standard = undiciFetch as unknown as (
    input: Parameters<typeof globalThis.fetch>[0],
    init: Omit<RequestInit, "dispatcher"> & { readonly dispatcher: Dispatcher },
  ) => Promise<Response>;
  return (input, init) => standard(input, { ...init, dispatcher });
}

function isLoopback({ origin }: Dispatcher.DispatchOptions): boolean {
  if (origin === undefined) return false;
  const { hostname } = new URL(origin);
  const host = hostname.replace(/^\[(.*)\]$/, "$1").replace(/\.$/, "");
  if (host === "localhost" || host.endsWith(".localhost")) return true;
  if (isIPv4(host)) return host.startsWith("127.");
  return host === "::1" || /^::ffff:7f[0-9a-f]{2}:/.test(host);
}
