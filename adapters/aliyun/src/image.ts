import { readPages, refuse } from "@gpujob/adapter-kit";
import type { LeaseRequest, PlatformError } from "@gpujob/spec";
import type { Parts, Region } from "./api.ts";

/** What a launch must know of an image. */
export interface Image {
  readonly id: string;
  /** The system disk must not be smaller. */
  readonly minimumGib: number;
}

/** Official images whose name says that a driver is in them. */
const withDriver = /gpu|nvidia|cuda/i;
const pageSize = 100;

/** The image of a job, else of the platform: an id, or a family, whose newest counts. Else the newest with a driver. */
export async function findImage(parts: Parts, at: Region, request: LeaseRequest): Promise<Image> {
  const name = request.image ?? parts.config.image;
  if (name === undefined) return findDriverImage(parts, at, request.offer.instanceType);
  const found = name.includes(":") ? await findNewest(at, name) : await findById(at, name);
  if (found !== undefined) return found;
  throw unknownImage(parts, `there is no image ${name} in ${at.region}`);
}

/** The newest image of a family, such as `acs:ubuntu_22_04_x64`. */
export async function findNewest(at: Region, imageFamily: string): Promise<Image | undefined> {
  const input = { regionId: at.region, imageFamily };
  const { image } = await at.send((client, sdk) =>
    client.describeImageFromFamily(new sdk.DescribeImageFromFamilyRequest(input)),
  );
  return image?.imageId === undefined
    ? undefined
    : { id: image.imageId, minimumGib: image.size ?? 0 };
}

async function findById(at: Region, imageId: string): Promise<Image | undefined> {
  const input = { regionId: at.region, imageId };
  const { images } = await at.send((client, sdk) =>
    client.describeImages(new sdk.DescribeImagesRequest(input)),
  );
  const [image] = images?.image ?? [];
  return image === undefined ? undefined : { id: imageId, minimumGib: image.size ?? 0 };
}

interface Row {
  readonly imageId?: string;
  readonly imageName?: string;
  readonly creationTime?: string;
  readonly size?: number;
}

async function findDriverImage(parts: Parts, at: Region, instanceType: string): Promise<Image> {
  const input = {
    regionId: at.region,
    // Only those that the type can start.
    instanceType,
    imageOwnerAlias: "system",
    OSType: "linux",
    status: "Available",
    isSupportCloudinit: true,
    pageSize,
  };
  const rows = await readPages<Row>({
    place: { platform: parts.context.platform, operation: "createLease" },
    idOf: ({ imageId = "" }) => imageId,
    readPage: async ({ page }) => {
      const answer = await at.send((client, sdk) =>
        client.describeImages(new sdk.DescribeImagesRequest({ ...input, pageNumber: page })),
      );
      return { rows: answer.images?.image ?? [], total: answer.totalCount ?? 0 };
    },
  });
  const [newest] = rows
    .filter(({ imageName = "", imageId = "" }) => withDriver.test(imageName + imageId))
    .toSorted((one, other) => (other.creationTime ?? "").localeCompare(one.creationTime ?? ""));
  if (newest?.imageId !== undefined) return { id: newest.imageId, minimumGib: newest.size ?? 0 };
  throw unknownImage(parts, `${at.region} has no official image with a driver for ${instanceType}`);
}

function unknownImage({ context }: Parts, what: string): PlatformError {
  const place = { platform: context.platform, operation: "createLease" };
  const hint =
    "Name an image with a driver in it under `image` of the job or the platform: an id (m-…) or a family (acs:…).";
  return refuse(place, { kind: "unsupported_request", scope: "region", what, hint });
}
