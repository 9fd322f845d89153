import { text as readAll } from "node:stream/consumers";
import type { Channel, Clock, Connect, Interruption, NodeAccess } from "@gpujob/spec";
import { runWithDeadline } from "./deadline.ts";

/** Where a cloud tells a machine, and only the machine, that it will be taken away. */
export interface MetadataService {
  /** Such as `169.254.169.254`. */
  readonly address: string;
  /** @default 80 */
  readonly port?: number;
  /** Where a session must be opened first: the path that gives a token, and the headers for its life and its use. */
  readonly token?: {
    readonly path: string;
    readonly lifeHeader: string;
    readonly useHeader: string;
  };
  /** Answers 404 for as long as nothing is planned. */
  readonly path: string;
  /** Reads the notice; `undefined`: there is none in it. */
  readonly read: (body: string) => Interruption | undefined;
}

type SshAccess = NodeAccess & { readonly kind: "ssh" };
type Wait = { readonly signal: AbortSignal };

/** Notices of several machines, read from inside each over a connection that is kept. */
export interface MetadataNotices {
  /**
   * The notice of one machine. `find` says how it is reached; it is asked once per connection, and `undefined` means
   * that this machine gets no notices. A machine that cannot be reached has none to tell: never throws for that.
   */
  look(
    leaseId: string,
    find: () => Promise<SshAccess | undefined>,
    wait: Wait,
  ): Promise<Interruption | undefined>;
  /** Lets go of the connection to one machine. */
  drop(leaseId: string): Promise<void>;
  close(): Promise<void>;
}

const lookTimeoutMs = 5000;
/** A machine that could not be reached is left alone for so long: its platform is asked meanwhile. */
const restMs = 10_000;

/** One request by bash alone, so that no program need be there: status line, headers, empty line, body. */
const script = `host=$1 port=$2 tokenPath=$3 life=$4 use=$5 path=$6
ask() {
  exec 3<>"/dev/tcp/$host/$port" || exit 7
  printf '%s %s HTTP/1.1\\r\\nHost: %s\\r\\n%sContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n' "$1" "$2" "$host" "$3" >&3
  cat <&3
  exec 3>&-
}
extra=
if [ -n "$tokenPath" ]; then
  answer=$(ask PUT "$tokenPath" "$life: 300"$'\\r\\n')
  extra="$use: \${answer##*$'\\n'}"$'\\r\\n'
fi
ask GET "$path" "$extra"`;

interface Kept {
  readonly channel?: Channel;
  /** Until this time of the clock it is not asked. */
  readonly restsUntil?: number;
}

/** Reads spot notices that only the machine itself can see. Connections are closed by `drop` and `close`. */
export function createMetadataNotices(options: {
  readonly platform: string;
  readonly clock: Clock;
  readonly connect: Connect;
  readonly service: MetadataService;
}): MetadataNotices {
  const { clock, service, platform } = options;
  const kept = new Map<string, Kept>();

  async function drop(leaseId: string): Promise<void> {
    const { channel } = kept.get(leaseId) ?? {};
    kept.delete(leaseId);
    await channel?.close().catch(() => undefined);
  }

  async function open(
    leaseId: string,
    find: () => Promise<SshAccess | undefined>,
    wait: Wait,
  ): Promise<Channel | undefined> {
    const before = kept.get(leaseId);
    if (before?.channel !== undefined) return before.channel;
    if (clock.monotonic() < (before?.restsUntil ?? 0)) return undefined;
    const access = await find();
    if (access === undefined) {
      kept.set(leaseId, { restsUntil: Number.POSITIVE_INFINITY });
      return undefined;
    }
    const channel = await options.connect(access, wait);
    kept.set(leaseId, { channel });
    return channel;
  }

  return {
    async look(leaseId, find, { signal }) {
      const place = { platform, operation: "watchInterruption" };
      const lateError = (): Error => new Error("The machine did not answer in time.");
      try {
        return await runWithDeadline(
          { clock, timeoutMs: lookTimeoutMs, signal, place, lateError },
          async (limited) => {
            const channel = await open(leaseId, find, { signal: limited });
            return channel === undefined
              ? undefined
              : readNotice(await ask(channel, service, limited), service);
          },
        );
      } catch (error) {
        if (signal.aborted) throw error;
        // Silence is judged elsewhere: here it must not hide what the platform itself says of the machine.
        await drop(leaseId);
        kept.set(leaseId, { restsUntil: clock.monotonic() + restMs });
        return undefined;
      }
    },
    drop,
    async close() {
      await Promise.all([...kept.keys()].map(drop));
    },
  };
}

async function ask(
  channel: Channel,
  { address, port = 80, token, path }: MetadataService,
  signal: AbortSignal,
): Promise<string> {
  const session = [token?.path ?? "", token?.lifeHeader ?? "", token?.useHeader ?? ""];
  const argv = ["bash", "-c", script, "bash", address, String(port), ...session, path];
  const execution = channel.exec(argv, { signal });
  execution.stdin.end();
  execution.stderr.resume();
  const [answer] = await Promise.all([readAll(execution.stdout), execution.exit]);
  return answer;
}

function readNotice(answer: string, service: MetadataService): Interruption | undefined {
  const [head = "", ...rest] = answer.split(/\r?\n\r?\n/);
  // 404 is the calm answer; a service that is in trouble says nothing about the machine either.
  return /^HTTP\/1\.[01] 200/.test(head) ? service.read(rest.join("\n\n").trim()) : undefined;
}
