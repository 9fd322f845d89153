import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Call } from "../../cli/support/gpujob.ts";
import { makeFaultHome, until } from "./fault-home.ts";
import type { FaultHome } from "./fault-home.ts";

/** A home whose one platform, `cheap`, is a mock market behind a real server process, reached over HTTP. */
export interface ServedHome extends FaultHome {
  /** State folder of the market, for `readCalls` and faults that are added. */
  readonly market: string;
  readonly url: string;
  /** The token that the server wants. */
  readonly tokenFile: string;
  /** Ends the server as Ctrl-C does, and reads what it says. */
  readonly stopServer: () => Promise<{ readonly billing: readonly unknown[] }>;
  /** Kills the server: from now on nobody answers. Machines live on. */
  readonly killServer: () => Promise<void>;
  /** Starts it again at the same address, with more words. */
  readonly startServer: (words?: readonly string[]) => Promise<void>;
}

/** Two offers, the second dearer; what most rows of the table of faults need. */
const twoOffers = `      - { type: a, gpu: "RTX4090:24GB:1", price: 1 CNY/h }
      - { type: b, gpu: "RTX4090:24GB:1", price: 2 CNY/h }
`;

/** Serves a market with these faults, each as in a configuration without its braces. */
export async function makeServedHome(options: {
  readonly jobs: Readonly<Record<string, string>>;
  readonly faults?: readonly string[];
  /** Lines of the list `offers`, indented by six. @default two of them */
  readonly offers?: string;
  /** More words for `mock serve`. */
  readonly serve?: readonly string[];
  /** More lines of the client's configuration. */
  readonly config?: string;
  /** Of one request, as the client has it. @default 3s */
  readonly timeout?: string;
}): Promise<ServedHome> {
  const {
    jobs,
    faults = [],
    offers = twoOffers,
    serve = [],
    config = "",
    timeout = "3s",
  } = options;
  const home = await makeFaultHome({ config: "", jobs });
  const file = join(home.home, "market.yaml");
  const list = faults.map((fault) => `      - { ${fault} }\n`).join("");
  const text = `platforms:\n  market:\n    adapter: mock\n    offers:\n${offers}`;
  await writeFile(file, list === "" ? text : `${text}    faults:\n${list}`, { mode: 0o600 });

  let server: Call | undefined;
  const start = async (
    port: string,
    more: readonly string[] = [],
  ): Promise<{ readonly url: string; readonly tokenFile: string }> => {
    const words = ["mock", "serve", "market", "--config", file, "--json", "--port", port];
    const started = home.start([...words, ...serve, ...more], {}, 600_000);
    server = started;
    await until("the market is served", async () => started.out().includes("\n"));
    const line: unknown = JSON.parse(started.out().split("\n")[0] ?? "");
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the program's own envelope
    return (line as { readonly data: { readonly url: string; readonly tokenFile: string } }).data;
  };
  const { url, tokenFile } = await start("0");
  await writeFile(
    join(home.home, "state", "config.yaml"),
    `platforms:\n  cheap: { adapter: mock, endpoint: "${url}", token: { file: "${tokenFile}" }, timeout: ${timeout} }\n${config}`,
    { mode: 0o600 },
  );
  const killServer = async (): Promise<void> => {
    server?.kill("SIGKILL");
    await server?.result;
  };
  return {
    ...home,
    market: join(home.home, "state", "platforms", "market"),
    url,
    tokenFile,
    killServer,
    stopServer: async () => {
      server?.kill("SIGINT");
      const { out = "" } = (await server?.result) ?? {};
      const last: unknown = JSON.parse(out.trimEnd().split("\n").at(-1) ?? "");
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the program's own envelope
      return (last as { readonly data: { readonly billing: readonly unknown[] } }).data;
    },
    startServer: async (more = []) => {
      await start(new URL(url).port, more);
    },
    async remove() {
      await killServer();
      await home.remove();
    },
  };
}
