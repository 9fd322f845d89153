import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type {
  CloudMachine,
  CloudMarket,
  CloudStock,
  RealMachine,
  TestRequest,
} from "@gpujob/adapter-kit/testing";
import { startMetadataServer } from "@gpujob/adapter-kit/testing";
import { makeFolder } from "../../cli/support/gpujob.ts";
import { startSshHost } from "../../support/ssh-hosts.ts";
import type { SshHost } from "../../support/ssh-hosts.ts";

/** A cloud's emulator whose machines are containers with OpenSSH. */
export interface CloudLab {
  readonly market: CloudMarket;
  readonly requests: readonly TestRequest[];
  /** Containers by the id of their machine. */
  readonly hosts: ReadonlyMap<string, SshHost>;
  /** What the program is configured with. */
  readonly configuration: object;
  readonly environment: Readonly<Record<string, string>>;
  readonly loseNextCreateReply: () => void;
  /** Has the next launch fail for want of capacity, where a stock of none does not do that. */
  readonly refuseNextLaunch?: () => void;
  /** Things of ours that are left in the only region. */
  readonly leftovers: () => readonly string[];
}

/** What differs from cloud to cloud, for the stories that all of them share. */
export interface CloudKind {
  /** The platform's name in the configuration. */
  readonly name: string;
  /** Goes on after "a run on". */
  readonly title: string;
  readonly start: (stock: readonly CloudStock[]) => Promise<CloudLab>;
  /** Two zones of one region. */
  readonly zones: readonly [string, string];
  /** A machine with one card, as the job asks for it. */
  readonly gpu: string;
  readonly type: string;
  /** A machine that has RDMA between nodes. */
  readonly fast: { readonly gpu: string; readonly type: string };
  /** One type on one market in one zone. */
  readonly stockOf: (zone: string, count: number, over?: Partial<CloudStock>) => CloudStock;
  /** Machines that the first zone shows, though it has none to give. */
  readonly firstZoneCount: number;
  /** The launches among the requests: their tokens, and whether they ask for RDMA. */
  readonly launchesOf: (
    requests: readonly TestRequest[],
  ) => readonly { readonly token: string; readonly hasFabric: boolean }[];
  /** From a notice to the end of a spot machine, in milliseconds. */
  readonly noticeMs: number;
  readonly currency: string;
}

/** Starts the container behind a machine, which asks about itself at the cloud's own address. */
export async function startCloudMachine(
  options: {
    readonly user: string;
    readonly publicKey: string;
    readonly metadataAddress: string;
    readonly notices: Parameters<typeof startMetadataServer>[0];
    readonly noticeOf: (machine: CloudMachine) => string | undefined;
    readonly find: () => CloudMachine | undefined;
  },
  onHost: (host: SshHost) => void,
): Promise<RealMachine> {
  const { user, publicKey, metadataAddress, find, noticeOf } = options;
  const host = await startSshHost({ users: [{ name: user, authorizedKey: publicKey }] });
  onHost(host);
  const body = (): string | undefined => {
    const machine = find();
    return machine && noticeOf(machine);
  };
  const metadata = await startMetadataServer(options.notices, { body, host: "0.0.0.0" });
  const rule = `gateway=$(ip route | awk '/^default/ { print $3 }')
iptables -t nat -A OUTPUT -p tcp -d ${metadataAddress} --dport 80 -j DNAT --to-destination "$gateway:${metadata.port}"`;
  const { exitCode, stderr } = await host.exec(["sh", "-c", rule]);
  if (exitCode !== 0) throw new Error(`The metadata address could not be made: ${stderr}`);
  return {
    address: host.host,
    async stop() {
      await host.destroy();
      await metadata.close();
    },
  };
}

/** A home whose configuration a program or a library finds there. It goes with the test. */
export async function makeCloudHome({ configuration }: CloudLab): Promise<string> {
  const home = await makeFolder();
  await mkdir(join(home, "state"), { recursive: true, mode: 0o700 });
  // JSON is YAML.
  const text = JSON.stringify(configuration);
  await writeFile(join(home, "state", "config.yaml"), text, { mode: 0o600 });
  return home;
}
