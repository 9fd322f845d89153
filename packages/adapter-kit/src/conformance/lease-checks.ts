import { deepEqual, equal, ok } from "node:assert/strict";
import type { Lease } from "@gpujob/spec";
import type { ConformanceCheck } from "./check.ts";
import { whereCapability, whereHelper, whereLeases } from "./check.ts";
import { checkIsoTime, checkMoney } from "./values.ts";

const group = "get and list";

const whereTagged = whereCapability("tagging", "tags", "name");

const states = new Set(["pending", "up", "releasing", "stopped", "ended", "failed"]);

function has(leases: readonly Lease[], leaseId: string): boolean {
  return leases.some((lease) => lease.leaseId === leaseId);
}

export const leaseChecks: readonly ConformanceCheck[] = [
  {
    group,
    name: "finds a lease by its id",
    async run(context) {
      const { lease } = await context.rent();
      const found = await context.untilSeen(lease.leaseId);
      equal(found.leaseId, lease.leaseId);
    },
  },
  {
    group,
    name: "tells the same owner at create, by id and in the list",
    needs: [whereTagged],
    async run(context) {
      const { lease } = await context.rent();
      const up = await context.untilUp(lease.leaseId);
      const listed = (await context.listLeases()).find((one) => one.leaseId === lease.leaseId);
      deepEqual(up.ownership, lease.ownership);
      deepEqual(listed?.ownership, lease.ownership);
      equal(up.leaseKey, lease.leaseKey);
    },
  },
  {
    group,
    name: "says `undefined` of an id that the platform does not know",
    async run({ platform, wait }) {
      equal(await platform.getLease("no-such-lease", wait), undefined);
    },
  },
  {
    group,
    name: "tells how to reach every node of a lease that is up, as often as asked",
    async run(context) {
      const { lease } = await context.rent();
      const first = await context.untilUp(lease.leaseId);
      const second = await context.platform.getLease(lease.leaseId, context.wait);
      for (const node of [...first.nodes, ...(second?.nodes ?? [])]) {
        const { access } = node;
        ok(access !== undefined, `${node.nodeId} is up and has no access`);
        if (access.kind === "channel") continue;
        ok(access.host !== "" && access.user !== "", `${node.nodeId} lacks a host or a user`);
        ok(
          Number.isInteger(access.port) && access.port > 0 && access.port < 65_536,
          `${node.nodeId} has the port ${access.port}`,
        );
      }
    },
  },
  {
    group,
    name: "uses only the states of the contract, and says truly what bills",
    async run(context) {
      const { lease } = await context.rent();
      const up = await context.untilUp(lease.leaseId);
      ok(states.has(lease.state), `the state is ${lease.state}`);
      const { release } = context.capabilities;
      if (release === "api") ok(up.isBillable, "a rented machine is up and does not bill");
      if (release === "owned") ok(!up.isBillable, "a machine of the user's own bills");
    },
  },
  {
    group,
    name: "says since when a machine bills",
    needs: [whereCapability("release", "api")],
    async run(context) {
      const { lease } = await context.rent();
      const up = await context.untilUp(lease.leaseId);
      if (up.pricePerHour !== undefined) checkMoney(up.pricePerHour, "pricePerHour");
      if (up.startedAt !== undefined) checkIsoTime(up.startedAt, "startedAt");
      equal(up.endedAt, undefined, "a machine that is up has an end");
    },
  },
  {
    group,
    name: "lists a new lease",
    needs: [whereTagged],
    async run(context) {
      const { lease } = await context.rent();
      await context.waitUntil(
        "the new lease is listed",
        context.capabilities.visibilityWindowMs,
        async () => has(await context.listLeases(), lease.leaseId) || undefined,
      );
    },
  },
  {
    group,
    name: "lists every lease, none twice",
    needs: [whereTagged, whereLeases(2)],
    async run(context) {
      const rented: string[] = [];
      for (let count = 0; count < (context.setup.maxLeases ?? 3); count++) {
        rented.push((await context.rent()).lease.leaseId);
      }
      await context.waitUntil(
        `all of ${rented.join(", ")} are listed`,
        context.capabilities.visibilityWindowMs,
        async () => {
          const leases = await context.listLeases();
          return rented.every((leaseId) => has(leases, leaseId)) || undefined;
        },
      );
      const ids = (await context.listLeases()).map((lease) => lease.leaseId);
      equal(new Set(ids).size, ids.length, "a lease is listed twice");
    },
  },
  {
    group,
    name: "lists no lease of another installation",
    needs: [whereTagged],
    async run(context) {
      const request = await context.newRequest();
      const ownership = { ...request.ownership, installation: "another1" };
      const { lease } = await context.rent({ ownership });
      await context.untilUp(lease.leaseId);
      ok(!has(await context.listLeases(), lease.leaseId), "it lists another installation's lease");
      ok(has(await context.listLeases("another1"), lease.leaseId), "its own does not see it");
    },
  },
  {
    group,
    name: "lists a machine whose tag cannot be read, without an owner",
    needs: [whereTagged, whereHelper("damageNextTags")],
    async run(context) {
      await context.setup.damageNextTags?.();
      const { lease } = await context.rent();
      const listed = await context.waitUntil(
        "the machine with the damaged tag is listed",
        context.capabilities.visibilityWindowMs,
        async () => (await context.listLeases()).find((one) => one.leaseId === lease.leaseId),
      );
      equal(listed.ownership, undefined);
    },
  },
];
