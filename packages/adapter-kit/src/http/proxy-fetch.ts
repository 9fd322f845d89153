import { isIPv4 } from "node:net";
import type { Dispatcher } from "undici";

/** Environment variables by name. */
export type ProxyEnvironment = Readonly<Record<string, string | undefined>>;

type Fetch = typeof globalThis.fetch;

/**
 * A `fetch` that goes through the proxies that the environment names: `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, in
 * lower case first, as curl reads them. Addresses of this machine are never sent to a proxy. Without a proxy it is Node's
 * own `fetch`.
 */
export function createProxyFetch(env: ProxyEnvironment): Fetch {
  const read = (name: string): string => env[name.toLowerCase()] ?? env[name] ?? "";
  const proxies = {
    httpProxy: read("HTTP_PROXY"),
    httpsProxy: read("HTTPS_PROXY"),
    noProxy: read("NO_PROXY"),
  };
  if (proxies.httpProxy === "" && proxies.httpsProxy === "") return globalThis.fetch;
  let loading: Promise<Fetch> | undefined;
  return async (input, init) => {
    loading ??= loadProxyFetch(proxies);
    const fetch = await loading;
    return fetch(input, init);
  };
}

/** Loaded at the first request: undici costs start-up time that most commands never need. */
async function loadProxyFetch(proxies: {
  readonly httpProxy: string;
  readonly httpsProxy: string;
  readonly noProxy: string;
}): Promise<Fetch> {
  const { Agent, EnvHttpProxyAgent, fetch } = await import("undici");
  const direct = new Agent();
  const dispatcher = new EnvHttpProxyAgent(proxies).compose(
    (dispatch) => (options, handler) =>
      isLoopback(options) ? direct.dispatch(options, handler) : dispatch(options, handler),
  );
  // Two declarations of one standard, undici's and Node's: alike at run time, apart in details of their types.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see above
  const standard = fetch as unknown as (
    input: Parameters<Fetch>[0],
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
