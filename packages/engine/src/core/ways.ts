import { GpujobError } from "@gpujob/spec";
import { advance, nextStep } from "./advance.ts";
import type { NextStep } from "./advance.ts";
import type { Draft } from "./draft.ts";
import { runMachine } from "./machine.ts";
import { phaseOf, runPhases } from "./status.ts";
import type { RunPhase } from "./status.ts";

/** A state of the machine; `takeover` is one that no run rests in. */
type StateName = keyof typeof runMachine.states;

/** One way out of a state: open when the run is in a phase, or when a step is next. */
interface Way {
  readonly target: StateName;
  readonly phase?: RunPhase;
  readonly step?: NextStep;
  readonly isAdvancing: boolean;
}

const steps: readonly NextStep[] = ["wait", "settle", "spare", "begin"];
const ways = readWays();

/**
 * Goes on from a state over every way that is open, and answers where that ends. It reads the machine's own table and does
 * what xstate's `transition` does with it, at a tenth of its cost, which every event of every run pays; a test holds the
 * two against each other.
 */
export function followWays(from: RunPhase, draft: Draft): RunPhase {
  let state: StateName = from;
  for (;;) {
    const way = ways.get(state)?.find((each) => isOpen(each, draft));
    if (way === undefined) break;
    if (way.isAdvancing) advance(draft);
    state = way.target;
  }
  const phase = runPhases.find((each) => each === state);
  if (phase === undefined) throw new GpujobError("internal", `A run cannot rest in ${state}.`);
  return phase;
}

function isOpen({ phase, step }: Way, { context }: Draft): boolean {
  return phase === undefined ? nextStep(context) === step : phaseOf(context) === phase;
}

/** The ways out of each state in the order in which they are tried, as the machine resolved them. */
function readWays(): ReadonlyMap<StateName, readonly Way[]> {
  return new Map(
    Object.entries(runMachine.states).flatMap(([name, { always = [] }]) =>
      isStateName(name) ? [[name, always.map(readWay)] as const] : [],
    ),
  );
}

function isStateName(name: string): name is StateName {
  return Object.hasOwn(runMachine.states, name);
}

interface Transition {
  readonly target: readonly { readonly key: string }[] | undefined;
  readonly guard?: unknown;
  readonly actions: readonly unknown[];
}

function readWay({ target, guard, actions }: Transition): Way {
  const name = target?.[0]?.key ?? "";
  const phase = runPhases.find((each) => each === paramOf(guard, "phase"));
  const step = steps.find((each) => each === paramOf(guard, "step"));
  if (!isStateName(name) || (phase === undefined && step === undefined))
    throw new GpujobError("internal", `A way to ${name} has no guard that is known.`);
  return {
    target: name,
    isAdvancing: actions.length > 0,
    ...(phase === undefined ? {} : { phase }),
    ...(step === undefined ? {} : { step }),
  };
}

function paramOf(guard: unknown, name: "phase" | "step"): unknown {
  if (typeof guard !== "object" || guard === null || !("params" in guard)) return undefined;
  const { params } = guard;
  if (typeof params !== "object" || params === null) return undefined;
  return Object.entries(params).find(([key]) => key === name)?.[1];
}
