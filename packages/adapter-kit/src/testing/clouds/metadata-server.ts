import { createServer } from "node:http";
import type { MetadataService } from "../../metadata-notices.ts";

/** The metadata service of one machine, with the token that it asks for. */
export interface MetadataServer {
  readonly port: number;
  /** How often the notice was asked for with a good token. */
  readonly looks: () => number;
  close(): Promise<void>;
}

/**
 * Plays the service that a machine asks about itself. `body` is the notice; `undefined`: none, which is a 404. Without a
 * token of its own session every question is refused, where the service has sessions.
 */
export async function startMetadataServer(
  service: Pick<MetadataService, "token" | "path">,
  options: { readonly body: () => string | undefined; readonly host?: string },
): Promise<MetadataServer> {
  const session = "session-of-this-machine";
  let looks = 0;
  const server = createServer((request, response) => {
    const { token } = service;
    const answer = (status: number, text = ""): void => {
      // With its length, as the real ones: nobody who asks by hand can be expected to put chunks together.
      const length = Buffer.byteLength(text);
      response
        .writeHead(status, { "content-type": "text/plain", "content-length": length })
        .end(text);
    };
    if (token !== undefined && request.url === token.path) {
      const hasLife = Number(request.headers[token.lifeHeader.toLowerCase()]) > 0;
      return request.method === "PUT" && hasLife ? answer(200, session) : answer(400);
    }
    if (token !== undefined && request.headers[token.useHeader.toLowerCase()] !== session) {
      return answer(401);
    }
    if (request.url !== service.path || request.method !== "GET") return answer(404);
    looks += 1;
    const body = options.body();
    return body === undefined ? answer(404) : answer(200, body);
  });
  await new Promise<void>((resolve) => server.listen(0, options.host ?? "127.0.0.1", resolve));
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    looks: () => looks,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
