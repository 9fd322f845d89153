import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { GpujobError, PlatformError, Secret } from "@gpujob/spec";
import type { Failure } from "@gpujob/spec";
import { describe, it } from "vitest";
import { z } from "zod";
import type { HttpClientOptions } from "../index.ts";
import { createHttpClient } from "../index.ts";
import { createRealClock, createTestClock } from "../testing/index.ts";

const signal = new AbortController().signal;
const token = new Secret("t0ken-of-the-test/+");

interface Served {
  readonly url: string;
  readonly requests: (IncomingMessage & { readonly text: string })[];
}

/** A real server for one test. */
async function serve(
  handler: (request: IncomingMessage, response: ServerResponse) => void,
  work: (served: Served) => Promise<void>,
): Promise<void> {
  const requests: Served["requests"] = [];
  const listener: RequestListener = (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      requests.push(Object.assign(request, { text: Buffer.concat(chunks).toString() }));
      handler(request, response);
    });
  };
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await work({ url: `http://127.0.0.1:${portOf(server.address())}`, requests });
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

function portOf(address: string | AddressInfo | null): number {
  return typeof address === "object" && address !== null ? address.port : 0;
}

function answer(status: number, body: string, headers: Record<string, string> = {}) {
  return (_: IncomingMessage, response: ServerResponse): void => {
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(body);
  };
}

function client(endpoint: string, over: Partial<HttpClientOptions> = {}) {
  return createHttpClient({
    platform: "acme",
    endpoint,
    fetch: globalThis.fetch,
    clock: createRealClock(),
    credentials: async () => ({ token }),
    headers: (credentials) => ({ authorization: credentials["token"] ?? "" }),
    ...over,
  });
}

const read = { operation: "listOffers", path: "/things", schema: z.object({ ok: z.boolean() }) };
const write = { ...read, operation: "createLease", method: "POST", body: { json: {} } } as const;

async function failure(call: Promise<unknown>): Promise<Failure> {
  try {
    await call;
  } catch (error) {
    if (PlatformError.is(error)) return error.failure;
    throw error;
  }
  throw new Error("It did not fail.");
}

describe("createHttpClient", () => {
  it("sends query, headers and JSON, and gives back the checked answer", async ({ expect }) => {
    await serve(answer(200, `{"ok":true,"more":1}`), async ({ url, requests }) => {
      const query = { a: 1, b: ["x", "y z"], c: undefined, d: true };
      const body = { json: { name: "é" } };
      const request = { ...write, query, body };
      expect(await client(`${url}/api/`).request(request, { signal })).toEqual({ ok: true });
      expect(requests[0]?.url).toBe("/api/things?a=1&b=x&b=y+z&d=true");
      expect(requests[0]?.headers.authorization).toBe(token.reveal());
      expect(requests[0]?.headers["content-type"]).toBe("application/json");
      expect(requests[0]?.text).toBe(`{"name":"é"}`);
    });
  });

  it("sends forms and plain text", async ({ expect }) => {
    await serve(answer(200, `{"ok":true}`), async ({ url, requests }) => {
      await client(url).request({ ...write, body: { form: { A: "1 2" } } }, { signal });
      const body = { text: "<x/>", contentType: "text/xml" };
      await client(url).request({ ...write, body }, { signal });
      expect(requests.map((request) => request.text)).toEqual(["A=1+2", "<x/>"]);
      expect(requests[1]?.headers["content-type"]).toBe("text/xml");
    });
  });

  it("refuses a GET with a body before anything is sent", async ({ expect }) => {
    await serve(answer(200, "{}"), async ({ url, requests }) => {
      const call = client(url).request({ ...read, body: { json: {} } }, { signal });
      expect((await failure(call)).kind).toBe("unsupported_request");
      expect(requests).toEqual([]);
    });
  });

  it("lets the adapter sign what goes out", async ({ expect }) => {
    await serve(answer(200, `{"ok":true}`), async ({ url, requests }) => {
      const signing = client(url, {
        sign: (request) => {
          request.url.searchParams.set("Signature", `${request.method}!`);
          return request;
        },
      });
      await signing.request(read, { signal });
      expect(requests[0]?.url).toBe("/things?Signature=GET%21");
    });
  });

  const broken = [
    ["an HTML page", answer(200, "<html>busy</html>", { "content-type": "text/html" })],
    ["an empty body", answer(200, "")],
    ["a truncated JSON", answer(200, `{"ok":tr`)],
    ["a wrong type", answer(200, `{"ok":"yes"}`)],
    ["a huge body", answer(200, `{"ok":true,"x":"${"y".repeat(1_100_000)}"}`)],
    [
      "a body that breaks off",
      (_: IncomingMessage, response: ServerResponse): void => {
        response.writeHead(200, { "content-length": "100" });
        response.write(`{"ok"`, () => response.destroy());
      },
    ],
  ] as const;

  it.for(broken)(
    "calls %s a contract violation for a read and an unknown outcome for a write",
    async ([, handler], { expect }) => {
      await serve(handler, async ({ url }) => {
        expect(await failure(client(url).request(read, { signal }))).toMatchObject({
          kind: "contract_violation",
          platform: "acme",
          operation: "listOffers",
        });
        expect((await failure(client(url).request(write, { signal }))).kind).toBe(
          "outcome_unknown",
        );
      });
    },
  );

  it("ends a body that trickles in, on its own clock", async ({ expect }) => {
    const clock = createTestClock();
    const trickle = (_: IncomingMessage, response: ServerResponse): void => {
      response.writeHead(200);
      response.write("{");
    };
    await serve(trickle, async ({ url }) => {
      const headersCame = Promise.withResolvers<void>();
      const slow = client(url, {
        clock,
        fetch: async (input, init) => {
          const response = await globalThis.fetch(input, init);
          headersCame.resolve();
          return response;
        },
      });
      const failing = failure(slow.request(read, { signal }));
      await headersCame.promise;
      await clock.advance(20_000);
      expect((await failing).kind).toBe("contract_violation");
    });
  });

  it("ends a call that nobody answers", async ({ expect }) => {
    const clock = createTestClock();
    await serve(
      () => {},
      async ({ url, requests }) => {
        const first = failure(client(url, { clock }).request(read, { signal }));
        const second = failure(client(url, { clock }).request(write, { signal }));
        while (requests.length < 2) await new Promise((resolve) => setImmediate(resolve));
        await clock.advance(20_000);
        expect((await first).kind).toBe("unreachable");
        expect((await second).kind).toBe("outcome_unknown");
      },
    );
  });

  it("ends at once when aborted: a read is aborted, a write unknown", async ({ expect }) => {
    await serve(
      () => {},
      async ({ url, requests }) => {
        const stop = new AbortController();
        const first = failure(client(url).request(read, stop));
        const second = failure(client(url).request(write, stop));
        while (requests.length < 2) await new Promise((resolve) => setImmediate(resolve));
        stop.abort();
        expect((await first).kind).toBe("aborted");
        expect((await second).kind).toBe("outcome_unknown");
        expect((await failure(client(url).request(write, stop))).kind).toBe("aborted");
        expect(requests.length).toBe(2);
      },
    );
  });

  it("knows that a refused connection made nothing", async ({ expect }) => {
    let closed = "";
    await serve(
      () => {},
      async ({ url }) => void (closed = url),
    );
    const found = await failure(client(closed).request(write, { signal }));
    expect(found.kind).toBe("unreachable");
    expect(found.message).toContain("ECONNREFUSED");
  });

  it("does not know what a connection broken after the request has done", async ({ expect }) => {
    const cut = (request: IncomingMessage): void => void request.socket.destroy();
    await serve(cut, async ({ url }) => {
      expect((await failure(client(url).request(read, { signal }))).kind).toBe("unreachable");
      expect((await failure(client(url).request(write, { signal }))).kind).toBe("outcome_unknown");
    });
  });

  const statuses = [
    [401, "unauthorized", "unauthorized"],
    [403, "forbidden", "forbidden"],
    [404, "unsupported_request", "unsupported_request"],
    [400, "unsupported_request", "unsupported_request"],
    [429, "rate_limited", "rate_limited"],
    [500, "unavailable", "outcome_unknown"],
    [503, "unavailable", "outcome_unknown"],
  ] as const;

  it.for(statuses)(
    "reads HTTP %i as %s, and as %s of a write",
    async ([status, ofRead, ofWrite], { expect }) => {
      const body = `{"error":{"code":"Busy","message":"come back later."}}`;
      await serve(answer(status, body, { "x-request-id": "q-7" }), async ({ url }) => {
        const found = await failure(client(url).request(read, { signal }));
        expect(found).toMatchObject({ kind: ofRead, platformCode: "Busy", requestId: "q-7" });
        expect(found.message).toBe(
          `acme: listOffers failed: come back later (Busy, HTTP ${status}).`,
        );
        expect((await failure(client(url).request(write, { signal }))).kind).toBe(ofWrite);
      });
    },
  );

  it("takes a gateway's page for unavailable", async ({ expect }) => {
    await serve(answer(502, "<html>Bad gateway</html>"), async ({ url }) => {
      expect((await failure(client(url).request(read, { signal }))).kind).toBe("unavailable");
    });
  });

  it("reads Retry-After in seconds and as a date by the server's clock", async ({ expect }) => {
    await serve(answer(429, "{}", { "retry-after": "7" }), async ({ url }) => {
      expect((await failure(client(url).request(read, { signal }))).retryAfterMs).toBe(7000);
    });
    const date = "Sun, 01 Nov 2026 00:00:00 GMT";
    const later = "Sun, 01 Nov 2026 00:01:30 GMT";
    await serve(answer(503, "{}", { date, "retry-after": later }), async ({ url }) => {
      expect((await failure(client(url).request(read, { signal }))).retryAfterMs).toBe(90_000);
    });
  });

  it("finds a refusal inside a good status by the adapter's own rule", async ({ expect }) => {
    const body = `{"code":"NoStock","msg":"sold out","request_id":"r-1"}`;
    await serve(answer(200, body), async ({ url }) => {
      const envelope = z.looseObject({ code: z.string(), msg: z.string(), request_id: z.string() });
      const strict = client(url, {
        errors: [{ code: "NoStock", kind: "no_capacity", scope: "zone", example: "x" }],
        readFailure: (answered) => {
          const { code, msg, request_id: requestId } = envelope.parse(answered.body);
          return code === "Success" ? undefined : { code, text: msg, requestId };
        },
      });
      expect(await failure(strict.request(write, { signal }))).toMatchObject({
        kind: "no_capacity",
        scope: "zone",
        platformCode: "NoStock",
        requestId: "r-1",
      });
    });
  });

  it("calls absent only what the error table calls so", async ({ expect }) => {
    const errors = [{ status: 404, kind: "absent", scope: "call", example: "gone" }] as const;
    await serve(answer(404, `{"message":"no such machine"}`), async ({ url }) => {
      expect(await client(url, { errors }).find(read, { signal })).toBeUndefined();
      expect((await failure(client(url).find(read, { signal }))).kind).toBe("unsupported_request");
    });
    await serve(answer(404, "<h1>Not found</h1>"), async ({ url }) => {
      const call = client(url, { errors }).find(read, { signal });
      expect((await failure(call)).kind).toBe("contract_violation");
    });
  });

  it("follows a redirect on the same host for reads only", async ({ expect }) => {
    const move = (request: IncomingMessage, response: ServerResponse): void => {
      const isMoved = request.url === "/things";
      response.writeHead(isMoved ? 307 : 200, isMoved ? { location: "/moved" } : {});
      response.end(`{"ok":true}`);
    };
    await serve(move, async ({ url, requests }) => {
      expect(await client(url).request(read, { signal })).toEqual({ ok: true });
      expect((await failure(client(url).request(write, { signal }))).kind).toBe("outcome_unknown");
      expect(requests.map((request) => request.url)).toEqual(["/things", "/moved", "/things"]);
    });
  });

  it("sends nothing to another host", async ({ expect }) => {
    await serve(answer(200, `{"ok":true}`), async (other) => {
      const move = answer(302, "", { location: `${other.url}/steal` });
      await serve(move, async ({ url }) => {
        const found = await failure(client(url).request(read, { signal }));
        expect(found.kind).toBe("contract_violation");
        expect(other.requests).toEqual([]);
      });
    });
  });

  it("keeps secrets out of everything that it throws", async ({ expect }) => {
    const echo = (request: IncomingMessage, response: ServerResponse): void => {
      response.writeHead(400, { "x-request-id": `id-${request.headers.authorization}` });
      const said = `you sent ${request.headers.authorization} to ${request.url}`;
      response.end(JSON.stringify({ message: said, code: request.headers.authorization }));
    };
    await serve(echo, async ({ url }) => {
      const query = { key: token.reveal() };
      const call = client(url).request({ ...read, query }, { signal });
      const error: unknown = await call.catch((thrown: unknown) => thrown);
      if (!GpujobError.is(error)) throw error;
      const all = `${JSON.stringify(error.failure)} ${error.stack} ${String(error.cause)}`;
      for (const form of [token.reveal(), encodeURIComponent(token.reveal())]) {
        expect(all).not.toContain(form);
      }
      expect(all).toContain("[secret]");
    });
  });

  it("looks its credentials up once, and again after the platform refused them", async ({
    expect,
  }) => {
    let status = 200;
    const variable = (_: IncomingMessage, response: ServerResponse): void => {
      response.writeHead(status);
      response.end(`{"ok":true}`);
    };
    await serve(variable, async ({ url, requests }) => {
      let lookUps = 0;
      const looking = client(url, {
        credentials: async () => ({ token: new Secret(`number ${++lookUps}`) }),
      });
      await looking.request(read, { signal });
      await looking.request(read, { signal });
      expect(lookUps).toBe(1);
      status = 401;
      expect((await failure(looking.request(read, { signal }))).kind).toBe("unauthorized");
      status = 200;
      await looking.request(read, { signal });
      expect(requests.at(-1)?.headers.authorization).toBe("number 2");
    });
  });

  it("passes on what is wrong with a credential, in the words of who looked for it", async ({
    expect,
  }) => {
    const missing = client("http://127.0.0.1:1", {
      credentials: () => Promise.reject(new GpujobError("config_invalid", "TOKEN is not set.")),
    });
    await expect(missing.request(read, { signal })).rejects.toThrow("TOKEN is not set.");
  });

  it("throws a PlatformError when the adapter's signing fails", async ({ expect }) => {
    const signing = client("http://127.0.0.1:1", {
      sign: () => {
        throw new Error(`bad key ${token.reveal()}`);
      },
    });
    const found = await failure(signing.request(write, { signal }));
    expect(found.kind).toBe("unsupported_request");
    expect((await failure(client("not an address").request(read, { signal }))).kind).toBe(
      "unsupported_request",
    );
  });
});
