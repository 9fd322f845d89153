import type { Draft } from "./draft.ts";
import { updateAttempt } from "./draft.ts";
import { isEveryMemberDone } from "./status.ts";

/** Marks attempts as closed whose members are all done; `others`: only those that do not count now. */
export function closeAttempts(draft: Draft, which: "all" | "others"): void {
  for (const attempt of draft.context.attempts) {
    if (which === "others" && attempt.number === draft.context.current) continue;
    if (attempt.phase !== "releasing" || !isEveryMemberDone(attempt)) continue;
    updateAttempt(draft, attempt.number, { phase: "closed", endedAt: draft.at });
  }
}
