import { formatMoney } from "@gpujob/spec";
import type { AuditLease, AuditReport } from "@gpujob/sdk";
import { formatMissing } from "./plan-notes.ts";
import { paint } from "./style.ts";
import { renderTable } from "./table.ts";
import { tame, wrap } from "./text.ts";
import { formatAge } from "./units.ts";
import type { View } from "./view.ts";

/** The page of `audit`: what could not be confirmed comes first, then what bills, then what is not known. */
export function renderAudit(report: AuditReport, view: View): readonly string[] {
  const endAt = new Map(
    report.byHand.map((lease) => [lease as AuditLease, `end it at ${lease.endAt}. ${lease.note}`]),
  );
  return [
    ...section("Not confirmed ended, may still be billing", report.unconfirmed, "bad"),
    ...section("Ends only by your own hand", report.byHand, "warn"),
    ...section("Billing now", report.billing, "strong"),
    ...section("Carries our tag but belongs to no known run", report.unknown, "warn"),
    ...section("Released just now", report.fixed, "good"),
    ...(report.reminders ?? []).flatMap((each) => wrap(tame(each), view.columns, "  ")),
    ...formatMissing(report.missing, view),
    verdict(report),
  ];

  function section(
    title: string,
    leases: readonly AuditLease[],
    tone: Parameters<typeof paint>[1],
  ): readonly string[] {
    if (leases.length === 0) return [];
    return [
      paint(`${title}:`, tone, view),
      ...renderTable<AuditLease>(
        [
          { header: "PLATFORM", value: ({ platform }) => platform, shrinkTo: 8 },
          { header: "LEASE", value: ({ leaseId }) => leaseId ?? "unknown" },
          { header: "RUN", value: ({ runId }) => runId ?? "" },
          { header: "STATE", value: ({ state }) => state, dropOrder: 2 },
          {
            header: "PER HOUR",
            value: ({ pricePerHour }) =>
              pricePerHour === null ? "unknown" : formatMoney(pricePerHour),
            align: "right",
          },
          {
            header: "SINCE",
            value: ({ since }) => (since === null ? "unknown" : formatAge(since, view.now)),
            align: "right",
            dropOrder: 3,
          },
        ],
        leases,
        view,
      ),
      ...leases.flatMap((lease) => {
        const text = endAt.get(lease) ?? lease.note;
        if (text === "") return [];
        return wrap(`  ${lease.leaseId ?? lease.platform}: ${tame(text)}`, view.columns, "    ");
      }),
      "",
    ];
  }
}

function verdict(report: AuditReport): string {
  const open = report.unconfirmed.length + report.byHand.length + report.unknown.length;
  const count = report.missing.length;
  const silent =
    count === 0 ? "" : ` ${count} ${count === 1 ? "platform" : "platforms"} did not answer.`;
  if (open > 0) return `${open} to look after.${silent}`;
  if (report.billing.length > 0)
    return `${report.billing.length} billing, all of known runs.${silent}`;
  return count === 0 ? "Nothing is billing." : `Nothing is known to be billing.${silent}`;
}
