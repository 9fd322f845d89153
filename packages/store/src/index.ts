export { openStore } from "./open.ts";
export type { StoreOptions } from "./open.ts";
export { StaleEpochError, StoreGoneError } from "./store.ts";
export type {
  Commit,
  EffectRow,
  EventRow,
  ExclusionRow,
  LeaseRow,
  LedgerRow,
  ExperienceFilter,
  LockRow,
  NewEffect,
  NewRun,
  PinRow,
  RunFilter,
  RunRow,
  Store,
  WishRow,
} from "./store.ts";
