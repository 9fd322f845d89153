import type { Channel, Connect } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";
import type { CloudMachine, MetadataServer } from "@gpujob/adapter-kit/testing";
import { localChannel, startMetadataServer } from "@gpujob/adapter-kit/testing";
import type { Emulator } from "./emulator.ts";

/** Where a machine asks about itself — ECS user guide, view instance metadata (2026-11) */
export const metadataAddress = "100.100.100.200";

/** What the spot service of a machine answers and asks for. */
export const spotNotices = {
  path: "/latest/meta-data/instance/spot/termination-time",
  token: {
    path: "/latest/api/token",
    lifeHeader: "X-aliyun-ecs-metadata-token-ttl-seconds",
    useHeader: "X-aliyun-ecs-metadata-token",
  },
};

/** The notice of a machine, as its metadata service writes it. */
export function noticeOf({ takenAt }: CloudMachine): string | undefined {
  return takenAt === undefined ? undefined : `${new Date(takenAt).toISOString().slice(0, 19)}Z`;
}

/** Ways into machines that are only in the books: programs run here. */
export interface VirtualMachines {
  readonly connect: Connect;
  close(): Promise<void>;
}

export function createVirtualMachines(emulator: () => Emulator): VirtualMachines {
  const services = new Map<string, Promise<MetadataServer>>();

  function serviceOf({ id, region }: CloudMachine): Promise<MetadataServer> {
    const body = (): string | undefined => {
      const found = emulator().market.find(region, id);
      return found && noticeOf(found);
    };
    const service = services.get(id) ?? startMetadataServer(spotNotices, { body });
    services.set(id, service);
    return service;
  }

  return {
    async connect({ host, user, auth }) {
      const { market } = emulator();
      const regions = new Set(market.stock().map(({ region }) => region));
      const machine = [...regions]
        .flatMap((region) => market.list(region))
        .find((one) => one.address === host && one.state === "running");
      if (machine === undefined || user !== "root" || auth.kind !== "key-file") {
        throw new PlatformError("unreachable", `Nobody answers as ${user} at ${host}.`);
      }
      const { port } = await serviceOf(machine);
      return toChannel(port);
    },
    async close() {
      for (const service of services.values()) await (await service).close();
    },
  };
}

/** The machine's own address for metadata is on loopback here. */
function toChannel(port: number): Channel {
  const local = localChannel();
  return {
    exec(argv, options) {
      const here = argv.map((text, index) => {
        if (text === metadataAddress) return "127.0.0.1";
        return text === "80" && argv[index - 1] === metadataAddress ? String(port) : text;
      });
      return local.exec(here, options);
    },
    close: () => local.close(),
  };
}
