import { stripVTControlCharacters } from "node:util";
import { describe, it } from "vitest";
import {
  money,
  sampleCandidate,
  sampleDetail,
  sampleLine,
  sampleModel,
  sampleOffer,
  samplePlan,
  sampleRichCandidate,
  sampleRun,
  sampleTerms,
} from "../testing/samples.ts";
import { renderAdvice } from "./advice.ts";
import { renderAudit } from "./audit.ts";
import { renderCost, renderCostCsv } from "./cost.ts";
import { renderFailure } from "./failure.ts";
import { renderOffers } from "./offers.ts";
import { renderConfig, renderDoctor, renderPlatforms } from "./places.ts";
import { renderPlan } from "./plan.ts";
import { renderRun, renderSummary } from "./run.ts";
import { renderRuns } from "./runs.ts";
import { widthOf } from "./text.ts";
import type { View } from "./view.ts";

const now = Date.parse("2026-11-24T12:00:00Z");
const runs = [
  sampleRun(),
  sampleRun({
    id: "r-p7",
    name: "数据清洗与大规模评测任务第三批",
    state: "release-unconfirmed",
    exitCode: 137,
    billing: "unconfirmed",
    cost: money(120.5),
  }),
];
const lease = {
  platform: "算力云",
  leaseId: "gj-a1b2c3d4-k3v9x2-1-0",
  runId: "r-k3v9x2",
  state: "up",
  since: "2026-11-24T09:00:00Z",
  pricePerHour: money(2.1),
  note: "Its end was asked for three times.",
};
const roomy = sampleCandidate({ model: { needGib: 22.5, headroomGib: 1.5 } });
const pages: Readonly<Record<string, (view: View) => readonly string[]>> = {
  plan: (view) => renderPlan(samplePlan(), view),
  "plan explained": (view) => renderPlan(samplePlan(), view, { isExplained: true }),
  "plan with everything in its price": (view) =>
    renderPlan(
      samplePlan({ candidates: [sampleRichCandidate(), sampleCandidate({ rank: 2 })] }),
      view,
      {
        isExplained: true,
      },
    ),
  "advice on terms": (view) => renderAdvice(sampleTerms(), view),
  "plan that fits nothing": (view) => renderPlan(samplePlan({ candidates: [] }), view),
  "plan for a model": (view) =>
    renderPlan(samplePlan({ candidates: [roomy], model: sampleModel }), view),
  "plan for a model that fits nothing, explained": (view) => {
    const { headroomGib: _room, ...needed } = sampleModel;
    const alternatives = needed.alternatives.map(({ saves: _saves, ...one }) => one);
    const model = { ...needed, alternatives };
    const plan = samplePlan({ candidates: [], model });
    return renderPlan(plan, view, { isExplained: true });
  },
  runs: (view) => renderRuns(runs, view),
  run: (view) => renderRun(sampleDetail(), view),
  summary: (view) => renderSummary(sampleRun(), view),
  offers: (view) =>
    renderOffers(
      [
        sampleOffer(),
        sampleOffer({ platform: "算力云", region: "内蒙古A区" }),
        sampleOffer({ platform: "by-sheet", price: sheetPrice, ageSeconds: 95 * 86_400 + 4000 }),
      ],
      view,
    ),
  cost: (view) => renderCost({ total: money(2.92), lines: [sampleLine(), sampleLine()] }, view),
  "cost with another bill": (view) => {
    const { runId, platform, leaseId } = sampleLine();
    const difference = { runId, platform, leaseId, billed: money(3), counted: money(2.92) };
    return renderCost(
      { total: money(2.92), lines: [sampleLine()], differences: [difference] },
      view,
    );
  },
  audit: (view) =>
    renderAudit(
      {
        billing: [lease],
        unconfirmed: [{ ...lease, leaseId: null, pricePerHour: null }],
        byHand: [{ ...lease, endAt: "https://console.example/instances" }],
        unknown: [],
        fixed: [],
        missing: [{ platform: "ucloud", reason: "no answer within 3s" }],
      },
      view,
    ),
  doctor: (view) =>
    renderDoctor(
      [
        { subject: "autodl", name: "credentials", state: "ok", message: "The token is accepted." },
        {
          subject: "算力云",
          name: "balance",
          state: "failed",
          message: "0.12 CNY are left.",
          hint: "Top up in the console; a run of an hour needs about 2 CNY.",
        },
      ],
      view,
    ),
  platforms: (view) =>
    renderPlatforms(
      [
        {
          name: "算力云",
          adapter: "mock",
          title: "Simulated market",
          origin: "/home/li/.gpujob/config.yaml",
          release: "api",
          credentials: ["env HY_TOKEN"],
        },
      ],
      view,
    ),
  config: (view) =>
    renderConfig(
      [
        { key: "currency", value: "CNY", origin: "default" },
        { key: "exchange", value: { USD: 7.12 }, origin: "/home/li/.gpujob/config.yaml" },
      ],
      view,
    ),
  failure: (view) =>
    renderFailure(
      {
        kind: "no_offer_matches",
        message:
          "No offer fits: 41 of 60 have too little memory per card, the others are sold out.",
        hint: "Ask for less than 80 GB per card, or wait for stock with --queue 6h.",
      },
      view,
    ),
};

/** Told by dated data; the true one comes with the machine. */
const sheetPrice = {
  ...sampleOffer().price,
  source: "after-create" as const,
  confidence: "third-party" as const,
};

describe("what people see", () => {
  for (const [name, render] of Object.entries(pages)) {
    for (const columns of [60, 80, 120]) {
      it(`lays out ${name} at ${columns} columns`, ({ expect }) => {
        const plain = render({ columns, colour: false, now });
        expect(`\n${plain.join("\n")}\n`).toMatchSnapshot();
        for (const line of plain) {
          expect(line).not.toContain("\u001B");
          expect(line).toBe(line.trimEnd());
        }
        const coloured = render({ columns, colour: true, now });
        expect(coloured.map(stripVTControlCharacters)).toEqual(plain);
      });
    }
  }

  it("paints states and headers where colours are wanted", ({ expect }) => {
    const lines = renderRuns(runs, { columns: 80, colour: true, now });
    expect(lines.join("\n")).toMatchSnapshot();
  });

  it("keeps every id whole, however narrow the terminal is", ({ expect }) => {
    const narrow = { columns: 20, colour: false, now };
    expect(renderRuns(runs, narrow).join("\n")).toContain("r-k3v9x2");
    const plan = renderPlan(samplePlan(), narrow).join("\n");
    for (const { offerId } of samplePlan().candidates) expect(plan).toContain(offerId);
  });

  it("fits tables to 60 columns with Chinese names", ({ expect }) => {
    for (const line of renderRuns(runs, { columns: 60, colour: false, now })) {
      expect(widthOf(line)).toBeLessThanOrEqual(60);
    }
  });

  it("aligns columns behind Chinese names", ({ expect }) => {
    const [header = "", ...rows] = renderRuns(runs, { columns: 200, colour: false, now });
    const at = widthOf(header.slice(0, header.indexOf("STATE")));
    for (const [index, row] of rows.entries()) {
      const state = runs[index]?.state ?? "";
      expect(widthOf(row.slice(0, row.indexOf(state)))).toBe(at);
    }
  });

  it("cuts nothing in a pipe", ({ expect }) => {
    const lines = renderRuns(runs, { columns: Number.POSITIVE_INFINITY, colour: false, now });
    expect(lines.join("\n")).toContain("数据清洗与大规模评测任务第三批");
    expect(lines.join("\n")).not.toContain("…");
  });

  it("shows a foreign name that tries to move the cursor as what it is", ({ expect }) => {
    const evil = [sampleRun({ name: "a\u001B[2Jb\nc" })];
    const text = renderRuns(evil, { columns: 120, colour: false, now }).join("\n");
    expect(text).not.toContain("\u001B");
    expect(text.split("\n")).toHaveLength(2);
  });

  it("shows a platform's message as text, whatever is in it", ({ expect }) => {
    const message = "no stock\u001B]52;c;aGk=\u0007 left\n  line two";
    const lines = renderFailure(
      { kind: "no_capacity", message },
      { columns: 80, colour: false, now },
    );
    expect(lines).toHaveLength(2);
    expect(lines.join("")).not.toContain("\u001B");
    expect(lines.join("")).not.toContain("\u0007");
  });

  it("shows at most ten offers and says how many more fit", ({ expect }) => {
    const candidates = Array.from({ length: 25 }, (_, index) =>
      sampleCandidate({ rank: index + 1 }),
    );
    const lines = renderPlan(samplePlan({ candidates }), { columns: 80, colour: false, now });
    expect(lines.join("\n")).toContain("and 15 more that fit");
  });

  it("writes the ledger as values that a spreadsheet does not run", ({ expect }) => {
    const lines = renderCostCsv({
      total: money(1),
      lines: [sampleLine({ platform: '=HYPERLINK("x")', leaseId: "a,b" })],
    });
    expect(lines[1]).toBe(
      `r-k3v9x2,1,"'=HYPERLINK(""x"")","a,b",compute,2026-11-24T10:00:00Z,2026-11-24T10:25:00Z,1500,0.880000,CNY`,
    );
  });
});
