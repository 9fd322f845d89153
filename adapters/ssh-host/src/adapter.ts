import {
  createOnce,
  listEach,
  packOwnership,
  runWithDeadline,
  throwIfAborted,
} from "@gpujob/adapter-kit";
import type {
  AdapterContext,
  Lease,
  LeaseRequest,
  Offer,
  OfferQuery,
  Platform,
} from "@gpujob/spec";
import { PlatformError, toFailure } from "@gpujob/spec";
import { withHost, type HostApi } from "./api.ts";
import type { SshHostConfig } from "./config.ts";
import { classify, hostError, lateHost, problemOf } from "./errors.ts";
import { listHosts, placeOf, toView, viewHost, type Host, type HostView } from "./hosts.ts";
import { findLeasePlace, toLease } from "./leases.ts";
import {
  findOfferPlace,
  listHostOffers,
  listPoolOffers,
  listPools,
  unreachableView,
} from "./offers.ts";
import type { HostReport } from "./report.ts";
import { noCapacity, rankHosts, refuse, secondsUntil } from "./requests.ts";

type Wait = { readonly signal: AbortSignal };

/** Of the time that a plan gives the platform: a dead host must not keep the others out of it. */
const lookShare = 0.75;
/** A host that is to be used may be slow to answer. */
const createLookMs = 10_000;
/** Where nobody said how long they wait, in milliseconds. */
const usualLookMs = 2000;

/** The machines of a configuration as a platform. */
export function createSshHostPlatform(config: SshHostConfig, context: AdapterContext): Platform {
  const hosts = listHosts(config.hosts);
  const { platform } = context;

  /** Works on one host; whatever fails there names platform and host. */
  async function onHost<T>(
    host: Host,
    operation: string,
    { signal }: Wait,
    work: (api: HostApi) => Promise<T>,
  ): Promise<T> {
    throwIfAborted(signal, { platform, operation });
    try {
      return await withHost(context, await placeOf(host, context), { signal }, work);
    } catch (error) {
      throw hostError(signal.aborted ? signal.reason : error, host.name, { platform, operation });
    }
  }

  /** One step of the script on the host of a lease; `undefined`: there is no such lease. */
  async function onLease(
    leaseId: string,
    operation: string,
    wait: Wait,
    work: (api: HostApi, leaseKey: string) => Promise<HostReport>,
  ): Promise<Lease | undefined> {
    throwIfAborted(wait.signal, { platform, operation });
    const place = findLeasePlace(leaseId, hosts, { platform, operation });
    if (place === undefined) return undefined;
    const report = await onHost(place.host, operation, wait, (api) => work(api, place.leaseKey));
    const problem = problemOf(report, place.host.name, { platform, operation });
    if (problem !== undefined) throw problem;
    return readLease(place.host, report, place.leaseKey);
  }

  async function readLease(
    host: Host,
    report: HostReport,
    leaseKey: string,
  ): Promise<Lease | undefined> {
    const found = report.leases.find((lease) => lease.leaseKey === leaseKey);
    return found === undefined ? undefined : toLease(host, found, report.address, context);
  }

  /** A look at one host, which ends in time whatever the host, or a command that tells its password, does. */
  async function viewSoon(host: Host, wait: Wait, timeoutMs = usualLookMs): Promise<HostView> {
    const place = { platform, operation: "listOffers" };
    const lateError = (): Error => lateHost(host, timeoutMs, place);
    const deadline = { clock: context.clock, timeoutMs, place, lateError, ...wait };
    try {
      return await runWithDeadline(deadline, (signal) => viewHost(host, context, { signal }));
    } catch (error) {
      throw hostError(wait.signal.aborted ? wait.signal.reason : error, host.name, place);
    }
  }

  /** Views of all hosts, looked at side by side; those that do not answer say why. The only host there is throws. */
  async function viewAll(timeoutMs: number | undefined, wait: Wait): Promise<readonly HostView[]> {
    throwIfAborted(wait.signal, { platform, operation: "listOffers" });
    const views = await Promise.all(
      hosts.map((host) =>
        viewSoon(host, wait, timeoutMs).catch((error: unknown) => {
          if (hosts.length === 1) throw error;
          return unreachableView(host, toFailure(error));
        }),
      ),
    );
    throwIfAborted(wait.signal, { platform, operation: "listOffers" });
    return views;
  }

  async function listOffers({ withinMs }: OfferQuery, wait: Wait): Promise<readonly Offer[]> {
    const views = await viewAll(withinMs === undefined ? undefined : withinMs * lookShare, wait);
    const pools = listPools(hosts).flatMap((pool) =>
      listPoolOffers(
        pool,
        views.filter(({ host }) => pool.includes(host)),
        context,
      ),
    );
    return [...views.flatMap((view) => listHostOffers(view, context)), ...pools];
  }

  async function createLease(request: LeaseRequest, wait: Wait): Promise<Lease> {
    const operation = "createLease";
    throwIfAborted(wait.signal, { platform, operation });
    const place = findOfferPlace(request.offer.offerId, hosts);
    const refusal = refuse(request, place === undefined, { platform, operation });
    if (refusal !== undefined || place === undefined) throw refusal;
    const views = await viewReachable(place.hosts, wait);
    const find = async (): Promise<Lease | undefined> => {
      const view = views.find(({ report }) =>
        report.leases.some(({ leaseKey }) => leaseKey === request.leaseKey),
      );
      return view === undefined ? undefined : readLease(view.host, view.report, request.leaseKey);
    };
    const create = (): Promise<Lease> =>
      reserveFirst(request, place.count, rankHosts(views, place.count, request), wait);
    return createOnce({ platform, name: request.leaseKey, find, create }, wait);
  }

  async function viewPatiently(host: Host, wait: Wait): Promise<HostView> {
    return onHost(host, "createLease", wait, async (api) =>
      toView(host, await api.readState(wait)),
    );
  }

  /** A host that cannot be reached holds nothing that costs money, so the others may be used without it. */
  async function viewReachable(some: readonly Host[], wait: Wait): Promise<readonly HostView[]> {
    // The only host gets all the time there is; among several a dead one must not hold up the rest.
    const view = (host: Host): Promise<HostView> =>
      some.length > 1 ? viewSoon(host, wait, createLookMs) : viewPatiently(host, wait);
    const answers = await Promise.allSettled(some.map(view));
    const views = answers.flatMap((answer) =>
      answer.status === "fulfilled" ? [answer.value] : [],
    );
    const failed = answers.find((answer) => answer.status === "rejected");
    if (views.length === 0 && failed !== undefined) {
      const place = { platform, operation: "createLease" };
      throw hostError(
        wait.signal.aborted ? wait.signal.reason : failed.reason,
        some[0]?.name ?? "",
        place,
      );
    }
    return views;
  }

  /** Somebody may take a host's cards between the look and the wish: then the next host is tried. */
  async function reserveFirst(
    request: LeaseRequest,
    count: number,
    [view, ...rest]: readonly HostView[],
    wait: Wait,
  ): Promise<Lease> {
    try {
      return await reserve(request, count, view, wait);
    } catch (error) {
      const isTaken = PlatformError.is(error) && error.kind === "no_capacity";
      if (!isTaken || rest.length === 0) throw error;
      return reserveFirst(request, count, rest, wait);
    }
  }

  async function reserve(
    request: LeaseRequest,
    count: number,
    view: HostView | undefined,
    wait: Wait,
  ): Promise<Lease> {
    const place = { platform, operation: "createLease" };
    if (view === undefined || view.free.length < count) throw noCapacity(request, view, place);
    const { host, free } = view;
    const wish = {
      leaseKey: request.leaseKey,
      name: packOwnership(request.ownership),
      seconds: secondsUntil(request.endsAt, context),
      count,
      cards: free,
    };
    const report = await onHost(host, place.operation, wait, (api) => api.create(wish, wait));
    const problem = problemOf(report, host.name, place);
    if (problem !== undefined) throw problem;
    const lease = await readLease(host, report, request.leaseKey);
    if (lease === undefined)
      throw new PlatformError(
        "contract_violation",
        `${platform}: ${host.name} made a reservation and does not show it.`,
        { ...place, scope: "host" },
      );
    return lease;
  }

  return {
    listOffers,
    createLease,
    getLease: (leaseId, wait) =>
      onLease(leaseId, "getLease", wait, (api, key) => api.readLease(key, wait)),
    listLeases: ({ installation }, wait) => {
      const read = (host: Host, limit: Wait): Promise<readonly Lease[]> =>
        onHost(host, "listLeases", limit, async (api) => {
          const { leases, address } = await api.readState(limit);
          const all = leases.map((lease) => toLease(host, lease, address, context));
          return (await Promise.all(all)).filter(
            ({ state, ownership }) =>
              state !== "ended" &&
              (ownership === undefined || ownership.installation === installation),
          );
        });
      const place = { platform, operation: "listLeases" };
      const options = { place, clock: context.clock, nameOf: ({ name }: Host) => name, read };
      return listEach(hosts, options, wait);
    },
    releaseLease: async (leaseId, wait) => {
      const lease = await onLease(leaseId, "releaseLease", wait, (api, key) =>
        api.release(key, wait),
      );
      return lease === undefined || lease.state === "ended"
        ? { state: "released" }
        : { state: "releasing", againAfterMs: 1_000 };
    },
    extendLease: async (leaseId, until, wait) => {
      const seconds = secondsUntil(until, context);
      await onLease(leaseId, "extendLease", wait, (api, leaseKey) =>
        api.extend({ leaseKey, seconds }, wait),
      );
    },
    classify,
  };
}
