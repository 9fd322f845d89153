import { refuse } from "@gpujob/adapter-kit";
import type { LeaseRequest, PlatformError } from "@gpujob/spec";
import type { Parts, Region } from "./api.ts";

/** What a launch must know of an image. */
export interface Image {
  /** An id, or the alias of a parameter that EC2 resolves by itself. */
  readonly id: string;
  readonly rootDevice: string;
  /** The root disk must not be smaller. */
  readonly minimumGib: number;
}

/** The image of a job, else of the platform: an id, or a parameter, whose newest id EC2 takes at the launch. */
export async function findImage(
  { config, context }: Parts,
  at: Region,
  request: LeaseRequest,
): Promise<Image> {
  const { offer } = request;
  const name = (request.image ?? config.image).replace(/^resolve:ssm:/, "");
  if (name.startsWith("/")) {
    const path = name.replaceAll("{arch}", archOf(offer.instanceType));
    return { id: `resolve:ssm:${path}`, rootDevice: config.rootDevice, minimumGib: 0 };
  }
  if (!name.startsWith("ami-")) throw unknownImage(context.platform, name);
  const input = { ImageIds: [name] };
  const { Images = [] } = await at.send((sdk) => new sdk.DescribeImagesCommand(input));
  const [image] = Images;
  if (image === undefined) throw unknownImage(context.platform, `${name} in ${offer.region}`);
  const rootDevice = image.RootDeviceName ?? config.rootDevice;
  const root = image.BlockDeviceMappings?.find(({ DeviceName }) => DeviceName === rootDevice);
  return { id: name, rootDevice, minimumGib: root?.Ebs?.VolumeSize ?? 0 };
}

/** Graviton and Grace types have a `g` among the letters behind the number of their family: `g5g`, `p6e-gb200`. */
function archOf(type: string): "arm64" | "x86_64" {
  return /^[a-z]+\d+[a-z-]*g/.test(type) ? "arm64" : "x86_64";
}

function unknownImage(platform: string, name: string): PlatformError {
  const place = { platform, operation: "createLease" };
  const what = `there is no image ${name}`;
  const hint =
    "Name an image by its id (ami-…) or by the path of an SSM parameter (/aws/service/…).";
  return refuse(place, { kind: "unsupported_request", scope: "region", what, hint });
}
