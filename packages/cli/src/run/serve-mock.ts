import type { Gpujob, MockMachine, MockServer } from "@gpujob/sdk";
import type { CommandContext } from "../context.ts";
import type { Outcome } from "../definition.ts";
import { successEnvelope } from "../envelope.ts";

/** What `mock serve` says at the end. */
export interface ServedMock {
  readonly platform: string;
  readonly billing: readonly MockMachine[];
}

/** Serves a market until a signal comes, and says then what still bills. With `--json` a line at each of the two. */
export async function serveMock(
  gpujob: Gpujob,
  options: Parameters<Gpujob["mockServe"]>[0],
  context: CommandContext,
): Promise<Outcome<ServedMock>> {
  const { signal } = context;
  const ended = new Promise<void>((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
  const server = await gpujob.mockServe(options);
  await announce(server, context);
  if (!signal.aborted) await ended;
  const { billing } = await server.close();
  const data = { platform: server.platform, billing };
  if (context.isJson) await writeLine(data, context);
  else await context.out.write(`${describeEnd(data).join("\n")}\n`);
  return { data, isStreamed: true };
}

async function announce(server: MockServer, context: CommandContext): Promise<void> {
  const { platform, url, tokenFile } = server;
  if (context.isJson) return writeLine({ platform, url, tokenFile }, context);
  const lines = [
    `Serving the market ${platform} at ${url} until Ctrl-C. For a configuration:`,
    "",
    "platforms:",
    "  served:",
    "    adapter: mock",
    `    endpoint: ${url}`,
    `    token: { file: ${JSON.stringify(tokenFile)} }`,
    "",
  ];
  await context.out.write(`${lines.join("\n")}\n`);
}

function describeEnd({ platform, billing }: ServedMock): readonly string[] {
  if (billing.length === 0) return [`Stopped serving ${platform}. Nothing of it bills.`];
  const isOne = billing.length === 1;
  return [
    `Stopped serving ${platform}. ${isOne ? "1 machine of it still bills" : `${billing.length} machines of it still bill`}:`,
    ...billing.map(({ leaseId, offer, startedAt }) => `  ${leaseId} (${offer}) since ${startedAt}`),
    "Their own timers end them; gpujob mock reset ends all machines now.",
  ];
}

async function writeLine(data: unknown, context: CommandContext): Promise<void> {
  await context.out.write(`${JSON.stringify(successEnvelope(data, context.warnings))}\n`);
}
