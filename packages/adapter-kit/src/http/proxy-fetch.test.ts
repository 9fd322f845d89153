import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { connect } from "node:net";
import { describe, it } from "vitest";
import { createProxyFetch } from "../index.ts";

interface Network {
  readonly proxyUrl: string;
  readonly targetUrl: string;
  /** Hosts that were asked for through the proxy. */
  readonly proxied: string[];
}

/** A real proxy and a real server on loopback; the proxy answers for every host with that server. */
async function withProxy(work: (network: Network) => Promise<void>): Promise<void> {
  const proxied: string[] = [];
  const target = createServer((_, response) => response.end("target"));
  await new Promise<void>((resolve) => target.listen(0, "127.0.0.1", resolve));
  const targetPort = portOf(target.address());
  const proxy = createServer((request, response) => {
    proxied.push(new URL(request.url ?? "").host);
    response.end("target");
  });
  proxy.on("connect", (request, socket) => {
    proxied.push(request.url ?? "");
    const onward = connect(targetPort, "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      onward.pipe(socket).pipe(onward);
    });
    onward.on("error", () => socket.destroy());
    socket.on("error", () => onward.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  try {
    await work({
      proxyUrl: `http://127.0.0.1:${portOf(proxy.address())}`,
      targetUrl: `http://127.0.0.1:${targetPort}`,
      proxied,
    });
  } finally {
    proxy.closeAllConnections();
    target.closeAllConnections();
    proxy.close();
    target.close();
  }
}

function portOf(address: string | AddressInfo | null): number {
  return typeof address === "object" && address !== null ? address.port : 0;
}

async function textOf(response: Promise<Response>): Promise<string> {
  return (await response).text();
}

describe("createProxyFetch", () => {
  it("goes through the proxy that the environment names", async ({ expect }) => {
    await withProxy(async ({ proxyUrl, proxied }) => {
      const fetch = createProxyFetch({ HTTP_PROXY: proxyUrl });
      expect(await textOf(fetch("http://api.example.test/x"))).toBe("target");
      expect(proxied.map((host) => host.replace(/:80$/, ""))).toEqual(["api.example.test"]);
    });
  });

  it("asks the proxy for a tunnel to an https address", async ({ expect }) => {
    await withProxy(async ({ proxyUrl, proxied }) => {
      const fetch = createProxyFetch({ https_proxy: proxyUrl });
      // The far end speaks no TLS: that the tunnel was asked for is what counts.
      await expect(fetch("https://api.example.test/x")).rejects.toThrow("fetch failed");
      expect(proxied).toEqual(["api.example.test:443"]);
    });
  });

  it("never sends addresses of this machine to a proxy", async ({ expect }) => {
    await withProxy(async ({ proxyUrl, targetUrl, proxied }) => {
      const fetch = createProxyFetch({ HTTP_PROXY: proxyUrl, HTTPS_PROXY: proxyUrl });
      const { port } = new URL(targetUrl);
      expect(await textOf(fetch(targetUrl))).toBe("target");
      expect(await textOf(fetch(`http://localhost:${port}/`))).toBe("target");
      expect(await textOf(fetch(new URL(`http://127.0.0.1:${port}/`)))).toBe("target");
      expect(proxied).toEqual([]);
    });
  });

  it("honours NO_PROXY", async ({ expect }) => {
    await withProxy(async ({ proxyUrl, proxied }) => {
      const fetch = createProxyFetch({ HTTP_PROXY: proxyUrl, NO_PROXY: ".example.invalid" });
      await expect(fetch("http://api.example.invalid/")).rejects.toThrow("fetch failed");
      expect(proxied).toEqual([]);
    });
  });

  it("works without a proxy", async ({ expect }) => {
    await withProxy(async ({ targetUrl, proxied }) => {
      const body = JSON.stringify({ a: 1 });
      const response = createProxyFetch({})(targetUrl, { method: "POST", body });
      expect(await textOf(response)).toBe("target");
      expect(proxied).toEqual([]);
    });
  });
});
