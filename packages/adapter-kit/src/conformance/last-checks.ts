import { deepEqual } from "node:assert/strict";
import type { ConformanceCheck } from "./check.ts";
import { whereHelper, whereReleasable } from "./check.ts";

const group = "nothing left";

export const lastChecks: readonly ConformanceCheck[] = [
  {
    group,
    name: "lists nothing billable once everything is released",
    needs: [whereReleasable],
    async run(context) {
      // A create whose answer was lost may show up only now.
      const { visibilityWindowMs } = context.capabilities;
      await context.waitUntil("no meter runs", visibilityWindowMs, async () => {
        await context.cleanUp();
        const billing = (await context.setup.readBilling?.()) ?? [];
        return billing.length === 0 || undefined;
      });
      const installations = [context.installation, "another1"];
      for (const installation of installations) {
        const leases = await context.listLeases(installation);
        deepEqual(
          leases.filter((lease) => lease.isBillable).map((lease) => lease.leaseId),
          [],
        );
      }
    },
  },
  {
    group,
    name: "leaves no meter running at the platform",
    needs: [whereReleasable, whereHelper("readBilling")],
    async run({ setup }) {
      deepEqual(await setup.readBilling?.(), []);
    },
  },
];
