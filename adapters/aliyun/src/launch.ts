import {
  ownershipTagNames,
  requireOneNode,
  throwIfAborted,
  toOwnershipTags,
} from "@gpujob/adapter-kit";
import type { Lease, LeaseRequest } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";
import type { Parts, Region, Wait } from "./api.ts";
import { otherWords, vanished } from "./errors.ts";
import { findImage } from "./image.ts";
import { findTagged, launchTag, toLease, toLeaseId } from "./leases.ts";
import { findPlace, madeBy } from "./network.ts";
import { keyNameOf, loadRsaKey } from "./ssh-key.ts";

const call = { operation: "createLease" };

/** One machine for one lease key, which is the client token: the same token gives the same machine. */
export async function launch(parts: Parts, request: LeaseRequest, wait: Wait): Promise<Lease> {
  const { platform } = parts.context;
  throwIfAborted(wait.signal, { platform, ...call });
  requireOneNode(request, platform);
  const at = parts.ecs.at(request.offer.region, call.operation, wait);
  try {
    return await launchOnce(parts, at, request);
  } catch (error) {
    const code = PlatformError.is(error) ? (error.failure.platformCode ?? "") : "";
    // Another run has just swept the key or the group away: nothing was made, and once more finds or makes them.
    if (vanished.has(code)) return launchOnce(parts, at, request);
    if (!otherWords.has(code)) throw error;
    const found = await findByKey(parts, at, request.leaseKey);
    if (found === undefined) throw error;
    return found;
  }
}

const looks = 3;

/** The end time moves between two tries, so that the second one's words differ; the token's machine is still ours. */
async function findByKey(parts: Parts, at: Region, leaseKey: string): Promise<Lease | undefined> {
  const tag = { key: ownershipTagNames.leaseKey, value: leaseKey };
  for (let left = looks; ; left--) {
    const [found] = await findTagged(parts, at, tag);
    if (found !== undefined) return toLease(parts, at.region, found);
    if (left <= 1) return undefined;
    // It may not be shown yet.
    await parts.context.clock.sleep(1000, at.wait);
  }
}

async function launchOnce(parts: Parts, at: Region, request: LeaseRequest): Promise<Lease> {
  const { platform, clock } = parts.context;
  const input = await compose(parts, at, request);
  const startedAt = clock.now();
  const tags = { ...toOwnershipTags(request.ownership, request.leaseKey) };
  const tag = Object.entries({ ...tags, [launchTag]: String(startedAt) }).map(([key, value]) => ({
    key,
    value,
  }));
  const { instanceIdSets } = await at.send(
    (client, sdk) => client.runInstances(new sdk.RunInstancesRequest({ ...input, tag })),
    { isWrite: true },
  );
  const [id] = instanceIdSets?.instanceIdSet ?? [];
  if (id === undefined) {
    const message = `${platform}: createLease was answered without a machine.`;
    throw new PlatformError("outcome_unknown", message, { platform, ...call });
  }
  return {
    leaseId: toLeaseId({ region: at.region, id }),
    leaseKey: request.leaseKey,
    ownership: request.ownership,
    state: "pending",
    isBillable: true,
    startedAt: new Date(startedAt).toISOString(),
    nodes: [{ nodeId: id, rank: 0 }],
  };
}

/** Everything that a launch says, but its tags. Nothing of it outlives the machine, and nothing is left to defaults. */
async function compose(parts: Parts, at: Region, request: LeaseRequest): Promise<object> {
  const { config, context } = parts;
  const { offer, ownership, leaseKey } = request;
  const { installation } = ownership;
  const [place, keyPairName, image] = await Promise.all([
    findPlace(parts, at, { zone: offer.zone ?? "", installation }),
    importKey(parts, at, installation),
    findImage(parts, at, request),
  ]);
  const gib = Math.max(Math.ceil(request.diskGib), config.diskGib, image.minimumGib);
  return {
    regionId: at.region,
    zoneId: offer.zone,
    clientToken: leaseKey,
    amount: 1,
    minAmount: 1,
    // Its other value is a subscription for a month or more.
    instanceChargeType: "PostPaid",
    instanceType: offer.instanceType,
    imageId: image.id,
    keyPairName,
    ...(request.fabric === "rdma" ? { networkInterface: [fabricInterface(place)] } : place),
    // The default kind is refused by the newer types.
    systemDisk: {
      category: config.diskCategory,
      size: String(gib),
      ...(config.diskCategory === "cloud_essd" ? { performanceLevel: config.diskLevel } : {}),
    },
    // More than 0 gives it a public address, which dies with it.
    internetChargeType: "PayByTraffic",
    internetMaxBandwidthOut: config.bandwidthMbps,
    autoReleaseTime: toReleaseTime(request.endsAt, context.clock.now()),
    deletionProtection: false,
    httpEndpoint: "enabled",
    httpTokens: "required",
    ...(offer.market === "spot" ? spotOptions(parts, request) : { spotStrategy: "NoSpot" }),
  };
}

/** The first interface as an eRDMA one; then the place stands in it, and nowhere else. */
function fabricInterface(place: Awaited<ReturnType<typeof findPlace>>): object {
  return { instanceType: "Primary", networkInterfaceTrafficMode: "HighPerformance", ...place };
}

const minuteMs = 60_000;
/** The earliest time that is taken is half an hour ahead; a minute more for the way. */
const earliestMs = 31 * minuteMs;

/** The end timer's time, `2026-11-24T14:05:00Z`: seconds would be cut, so that the minute is rounded up. */
export function toReleaseTime(time: string, now: number): string {
  const wanted = Math.max(Date.parse(time), now + earliestMs);
  const whole = Math.ceil(wanted / minuteMs) * minuteMs;
  return `${new Date(whole).toISOString().slice(0, 19)}Z`;
}

/** Up to the price on demand, unless the user set a ceiling in this account's currency. */
function spotOptions({ config }: Parts, { offer, priceLimit }: LeaseRequest): object {
  const usual = {
    spotDuration: config.protectedHour ? 1 : 0,
    spotInterruptionBehavior: "Terminate",
  };
  const { perHour, diskPerGibHour } = offer.price;
  if (priceLimit === undefined || priceLimit.currency !== perHour.currency)
    return { ...usual, spotStrategy: "SpotAsPriceGo" };
  // The limit is for everything that bills by the hour, rounded to a millionth; this one is for the machine alone, in steps
  // of 0.001.
  const diskMicros = (diskPerGibHour?.micros ?? 0) * (offer.includedDiskGib ?? 0);
  const limit = Math.ceil((priceLimit.micros - diskMicros - 1) / 1000) / 1000;
  return {
    ...usual,
    spotStrategy: "SpotWithPriceLimit",
    spotPriceLimit: Math.max(0.001, limit),
  };
}

/** The public key of this platform under a name that is made of it. */
async function importKey({ context }: Parts, at: Region, installation: string): Promise<string> {
  const { publicKey } = await loadRsaKey(context.stateFolder);
  const keyPairName = keyNameOf(publicKey, installation);
  const input = {
    regionId: at.region,
    keyPairName,
    publicKeyBody: publicKey,
    tag: [madeBy(installation)],
  };
  try {
    await at.send((client, sdk) => client.importKeyPair(new sdk.ImportKeyPairRequest(input)));
  } catch (error) {
    const isKnown =
      PlatformError.is(error) && error.failure.platformCode === "KeyPair.AlreadyExist";
    if (!isKnown) throw error;
  }
  return keyPairName;
}
