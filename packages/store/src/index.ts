export { effectsAfter } from "./effects.ts";
export { openStore } from "./open.ts";
export type { StoreOptions } from "./open.ts";
export { StaleEpochError, StoreGoneError } from "./store.ts";
export type {
  Commit,
  CommitResult,
  EffectRow,
  EventRow,
  ExclusionRow,
  ExperienceFilter,
  LeaseRow,
  LedgerRow,
  LockRow,
  NewEffect,
  NewRun,
  PinRow,
  RunFilter,
  RunRow,
  Store,
  WishRow,
} from "./store.ts";
