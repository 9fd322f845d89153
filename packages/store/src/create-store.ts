import type { Clock } from "@gpujob/spec";
import { beginEffect, listEffects } from "./effects.ts";
import { listExperiences, putExperience } from "./experiences.ts";
import { commit, listEvents } from "./journal.ts";
import { listLeases, listLedger, putLease } from "./leases.ts";
import { raiseEpoch, readLock, releaseLock, renewLock, takeLock } from "./locks.ts";
import * as memory from "./memory.ts";
import { createRun, findRuns, listRuns, loadRun, prune } from "./runs.ts";
import type { Session } from "./session.ts";
import type { Store } from "./store.ts";

/** The face of the store over one session: says of each piece of work whether it reads or writes, nothing else. */
export function createStore(
  session: Session,
  { storeId, clock }: { readonly storeId: string; readonly clock: Clock },
): Store {
  return {
    storeId,
    createRun: (run) => session.write(() => createRun(run)),
    loadRun: (runId) => session.read(() => loadRun(runId)),
    listRuns: (filter) => session.read(() => listRuns(filter)),
    findRuns: (reference) => session.read(() => findRuns(reference)),

    listEvents: (runId, sinceSeq = 0) => session.read(() => listEvents(runId, sinceSeq)),
    listEffects: (runId) => session.read(() => listEffects(runId)),
    beginEffect: (effectId, epoch) => session.write(() => beginEffect(effectId, epoch)),
    commit: (step) => session.write(() => commit(step)),

    takeLock: (runId, owner, ttlMs, now) => session.write(() => takeLock(runId, owner, ttlMs, now)),
    renewLock: (lock, ttlMs, now) => session.write(() => renewLock(lock, ttlMs, now)),
    releaseLock: (lock) => session.write(() => releaseLock(lock)),
    readLock: (runId) => session.read(() => readLock(runId)),
    raiseEpoch: (runId, minimum) => session.write(() => raiseEpoch(runId, minimum)),

    addWish: (wish) => session.write(() => memory.addWish(wish)),
    listWishes: (runId) => session.read(() => memory.listWishes(runId)),

    listLeases: (filter) => session.read(() => listLeases(filter)),
    putLease: (lease) => session.write(() => putLease(lease)),
    listLedger: (filter) => session.read(() => listLedger(filter)),

    readPin: (scope) => session.read(() => memory.readPin(scope)),
    putPin: (pin) => session.write(() => memory.putPin(pin)),
    listExclusions: (now) => session.read(() => memory.listExclusions(now)),
    putExclusion: (exclusion) => session.write(() => memory.putExclusion(exclusion)),
    dropExclusion: (scopeKey) => session.write(() => memory.dropExclusion(scopeKey)),

    putExperience: (experience) => session.write(() => putExperience(experience)),
    listExperiences: (filter) => session.read(() => listExperiences(filter)),

    readValue: (name) => session.read(() => memory.readValue(name)),
    putValue: (name, value) => session.write(() => memory.putValue(name, value)),
    ensureValue: (name, value) => session.write(() => memory.ensureValue(name, value)),

    prune: (before) => session.write(() => prune(before, clock.now())),
    inspect: () => session.inspect(),
    close: async () => session.close(),
  };
}
