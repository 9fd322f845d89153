import type { Channel, Connect } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";
import type { CloudMachine, MetadataServer } from "@gpujob/adapter-kit/testing";
import {
  createMemoryChannel,
  localChannel,
  startMetadataServer,
} from "@gpujob/adapter-kit/testing";
import type { Emulator } from "./emulator.ts";
import { shutdownMinutes } from "./machines.ts";

/** What the spot service of a machine answers and asks for — EC2 User Guide, spot-instance-termination-notices (2026-11) */
export const spotNotices = {
  path: "/latest/meta-data/spot/instance-action",
  token: {
    path: "/latest/api/token",
    lifeHeader: "X-aws-ec2-metadata-token-ttl-seconds",
    useHeader: "X-aws-ec2-metadata-token",
  },
};

/** The notice of a machine, as its metadata service writes it. */
export function noticeOf({ takenAt }: CloudMachine): string | undefined {
  if (takenAt === undefined) return undefined;
  return JSON.stringify({
    action: "terminate",
    time: `${new Date(takenAt).toISOString().slice(0, 19)}Z`,
  });
}

/** Ways into machines that are only in the books: programs run here, `shutdown` is obeyed by the books. */
export interface VirtualMachines {
  readonly connect: Connect;
  close(): Promise<void>;
}

export function createVirtualMachines(emulator: () => Emulator): VirtualMachines {
  const services = new Map<string, Promise<MetadataServer>>();

  function serviceOf(machine: CloudMachine): Promise<MetadataServer> {
    const find = () => emulator().market.find(machine.region, machine.id);
    const body = (): string | undefined => {
      const found = find();
      return found && noticeOf(found);
    };
    const service = services.get(machine.id) ?? startMetadataServer(spotNotices, { body });
    services.set(machine.id, service);
    return service;
  }

  return {
    async connect({ host, user }) {
      const { market } = emulator();
      const regions = new Set(market.stock().map(({ region }) => region));
      const machine = [...regions]
        .flatMap((region) => market.list(region))
        .find((one) => one.address === host && one.state === "running");
      if (machine === undefined || user !== "ubuntu") {
        throw new PlatformError("unreachable", `Nobody answers as ${user} at ${host}.`);
      }
      const { port } = await serviceOf(machine);
      return toChannel(port, (endsAt) => market.setTimer(machine.id, endsAt));
    },
    async close() {
      for (const service of services.values()) await (await service).close();
    },
  };
}

/** The machine's own address for metadata is on loopback here; `shutdown` never reaches a real one. */
function toChannel(port: number, setTimer: (endsAt: number) => void): Channel {
  const books = createMemoryChannel(async ({ argv }) => {
    const last = argv.at(-1) ?? "";
    const minutes = shutdownMinutes(argv.join("\n").replaceAll("$as ", "").replaceAll("$1", last));
    if (minutes === undefined) return { code: 1 };
    setTimer(Date.now() + minutes * 60_000);
    return { code: 0 };
  });
  const local = localChannel();
  return {
    exec(argv, options) {
      if (argv.some((text) => text.includes("shutdown"))) return books.channel.exec(argv, options);
      const here = argv.map((text, index) => {
        if (text === "169.254.169.254") return "127.0.0.1";
        return text === "80" && argv[index - 1] === "169.254.169.254" ? String(port) : text;
      });
      return local.exec(here, options);
    },
    async close() {
      await Promise.all([books.channel.close(), local.close()]);
    },
  };
}
