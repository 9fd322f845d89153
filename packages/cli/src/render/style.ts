import { styleText } from "node:util";
import type { View } from "./view.ts";

type Tone = "good" | "bad" | "warn" | "busy" | "dim" | "strong";

const formats = {
  good: "green",
  bad: "red",
  warn: "yellow",
  busy: "cyan",
  dim: "dim",
  strong: "bold",
} as const satisfies Record<Tone, string>;

/** A text in a tone; without colours the text itself, which must say the same. */
export function paint(text: string, tone: Tone, view: View): string {
  return view.colour && text !== ""
    ? styleText(formats[tone], text, { validateStream: false })
    : text;
}

/** The tone of a run's, an attempt's or a check's state. */
export function stateTone(state: string): Tone {
  if (["succeeded", "ok", "ended", "released"].includes(state)) return "good";
  if (["failed", "release-unconfirmed", "unconfirmed"].includes(state)) return "bad";
  if (["frozen", "needs-credentials", "by-hand", "warning", "interrupted"].includes(state)) {
    return "warn";
  }
  if (["cancelled", "closed", "skipped", "none"].includes(state)) return "dim";
  return "busy";
}
