import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:http";
import { text as readAll } from "node:stream/consumers";
import type { PlatformErrorKind } from "@gpujob/spec";
import type { FaultTarget } from "./fake-faults.ts";

/** A request that reached the test server. */
export interface TestRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
}

/** What the test server answers. */
export interface TestAnswer {
  /** @default 200 */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  /** Instead of `json`. */
  readonly text?: string;
}

/** How a fake platform behaves on the wire. */
export interface TestServerOptions {
  /** Answers in the platform's own format; checks its credentials and signatures too. */
  readonly handle: (request: TestRequest) => TestAnswer | Promise<TestAnswer>;
  /** Which of our calls a request belongs to; `undefined`: none that faults are aimed at. */
  readonly targetOf: (request: TestRequest) => FaultTarget | undefined;
  /** How the platform says that something went wrong. Throws for a kind that it has no words for. */
  readonly refuse: (kind: PlatformErrorKind) => TestAnswer;
  /** Largest head of a request, in bytes; some vendors put everything into the query. @default 16_384 */
  readonly maximumHeadBytes?: number;
}

type Fault = PlatformErrorKind | "lose-reply" | "hang";

/** A real HTTP server on loopback that plays a platform, and the hands that make it misbehave. */
export interface TestServer {
  /** Base address, for the adapter's `endpoint`. */
  readonly url: string;
  readonly requests: readonly TestRequest[];
  /** Helpers for `describeAdapter`, to be spread into its set-up. */
  readonly helpers: {
    readonly failNext: (on: FaultTarget, kind: PlatformErrorKind) => void;
    readonly loseNextCreateReply: () => void;
    readonly hangNext: (on: FaultTarget) => void;
    readonly hasHung: () => boolean;
  };
  close(): Promise<void>;
}

/** Starts a test server on a free port of 127.0.0.1. */
export async function startTestServer(options: TestServerOptions): Promise<TestServer> {
  const requests: TestRequest[] = [];
  const faults = new Map<FaultTarget, Fault>();

  async function answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const request = await readRequest(incoming);
    requests.push(request);
    const target = options.targetOf(request);
    const fault = target === undefined ? undefined : faults.get(target);
    if (target !== undefined) faults.delete(target);
    if (fault === "hang") return;
    if (fault !== undefined && fault !== "lose-reply") return send(response, options.refuse(fault));
    const good = await options.handle(request);
    if (fault === "lose-reply") incoming.socket.destroy();
    else send(response, good);
  }

  const limits =
    options.maximumHeadBytes === undefined ? {} : { maxHeaderSize: options.maximumHeadBytes };
  const server = createServer(limits, (incoming, response) => {
    answer(incoming, response).catch((error: unknown) => {
      // A mistake in the fake must be seen where the test fails.
      send(response, { status: 599, text: `The test server failed: ${String(error)}` });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    helpers: {
      failNext: (on, kind) => void faults.set(on, kind),
      loseNextCreateReply: () => void faults.set("create", "lose-reply"),
      hangNext: (on) => void faults.set(on, "hang"),
      hasHung: () => ![...faults.values()].includes("hang"),
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function readRequest(incoming: IncomingMessage): Promise<TestRequest> {
  const url = new URL(incoming.url ?? "/", "http://127.0.0.1");
  return {
    method: incoming.method ?? "GET",
    path: url.pathname,
    query: url.searchParams,
    headers: incoming.headers,
    text: await readAll(incoming),
  };
}

function send(response: ServerResponse, answer: TestAnswer): void {
  const body = answer.text ?? (answer.json === undefined ? "" : JSON.stringify(answer.json));
  response.writeHead(answer.status ?? 200, {
    "content-type": answer.text === undefined ? "application/json" : "text/plain",
    ...answer.headers,
  });
  response.end(body);
}
