import type { TimerName } from "./events.ts";

/** What the core asks the driver to do. Its key makes it unique among the unfinished effects of a run. */
export type Effect =
  | { readonly kind: "plan" }
  | { readonly kind: "create-lease"; readonly attempt: number; readonly member: number }
  | { readonly kind: "await-node"; readonly attempt: number; readonly member: number }
  | { readonly kind: "prepare-host"; readonly attempt: number; readonly member: number }
  | { readonly kind: "start-job"; readonly attempt: number; readonly member: number }
  | { readonly kind: "proceed-job"; readonly attempt: number; readonly member: number }
  | { readonly kind: "watch-job"; readonly attempt: number; readonly member: number }
  | { readonly kind: "take-checkpoints"; readonly attempt: number }
  | {
      readonly kind: "stop-job";
      readonly attempt: number;
      readonly member: number;
      readonly graceMs: number;
      readonly reason: "stopped" | "time-limit";
    }
  | { readonly kind: "collect-outputs"; readonly attempt: number }
  | { readonly kind: "release-lease"; readonly attempt: number; readonly member: number }
  | { readonly kind: "extend-lease"; readonly attempt: number; readonly member: number }
  | {
      readonly kind: "timer";
      readonly timer: TimerName;
      readonly attempt?: number;
      readonly member?: number;
    };

/** An effect with the moment before which it must not be done. */
export interface PlannedEffect {
  readonly key: string;
  readonly effect: Effect;
  /** Epoch milliseconds. */
  readonly dueAt: number;
}

/** The key of an effect: its kind and what it is about. */
export function effectKey(effect: Effect): string {
  const parts: (string | number)[] = [effect.kind];
  if (effect.kind === "timer") parts.push(effect.timer);
  if ("attempt" in effect && effect.attempt !== undefined) parts.push(effect.attempt);
  if ("member" in effect && effect.member !== undefined) parts.push(effect.member);
  return parts.join(":");
}
