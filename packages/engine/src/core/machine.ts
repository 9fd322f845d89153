import { assign, setup } from "xstate";
import { advance, nextStep } from "./advance.ts";
import type { RunContext, Submission } from "./context.ts";
import type { Draft } from "./draft.ts";
import { createDraft } from "./draft.ts";
import type { RunEvent } from "./events.ts";
import { reduce } from "./reduce.ts";
import { phaseOf } from "./status.ts";
import type { RunPhase } from "./status.ts";

/** What the machine works on during one transition: the run, and the decision in the making. */
export interface MachineContext {
  readonly run: RunContext;
  readonly submission: Submission;
  readonly draft?: Draft;
}

type MachineInput = Pick<MachineContext, "run" | "submission">;

interface MachineTypes {
  context: MachineContext;
  events: RunEvent;
  input: MachineInput;
}

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- xstate reads the types of this and never its value
const types = {} as MachineTypes;

/**
 * The states of a run and the only ways between them. An event changes the run's context (`reduce`); the guards read the
 * context and move the machine. Whatever may hold a lease is left through `releasing`, and `releasing` is left only when
 * nothing can exist any more. Used through xstate's pure `transition`; nothing here is ever started.
 */
export const runMachine = setup({
  types,
  guards: {
    is: ({ context }, params: { readonly phase: RunPhase }) =>
      isGiven(context) && phaseOf(runOf(context)) === params.phase,
    next: ({ context }, params: { readonly step: ReturnType<typeof nextStep> }) =>
      isGiven(context) && nextStep(runOf(context)) === params.step,
  },
  actions: {
    reduce: assign(({ context, event }) => {
      const draft = createDraft(context.run, context.submission, event.at);
      reduce(draft, event);
      return { run: draft.context, draft };
    }),
    advance: assign(({ context, event }) => {
      const draft = context.draft ?? createDraft(context.run, context.submission, event.at);
      advance(draft);
      return { run: draft.context, draft };
    }),
  },
}).createMachine({
  id: "run",
  initial: "planning",
  context: ({ input }) => ({ ...input }),
  on: { "*": { actions: "reduce" } },
  states: {
    planning: {
      always: [
        to("queued"),
        to("acquiring"),
        { guard: { type: "next", params: { step: "settle" } }, target: "releasing" },
      ],
    },
    queued: {
      always: [
        to("acquiring"),
        { guard: { type: "next", params: { step: "settle" } }, target: "releasing" },
      ],
    },
    // Straight to `preparing` where the other one of a hedge is ready first.
    acquiring: { always: [to("booting"), to("preparing"), to("releasing")] },
    booting: { always: [to("preparing"), to("releasing")] },
    preparing: { always: [to("running"), to("releasing")] },
    running: { always: [to("collecting"), to("releasing")] },
    collecting: { always: [to("holding"), to("releasing")] },
    holding: { always: [to("releasing")] },
    releasing: {
      always: [
        {
          guard: { type: "next", params: { step: "settle" } },
          target: "settled",
          actions: "advance",
        },
        {
          guard: { type: "next", params: { step: "spare" } },
          target: "takeover",
          actions: "advance",
        },
        {
          guard: { type: "next", params: { step: "begin" } },
          target: "planning",
          actions: "advance",
        },
      ],
    },
    // The extra placement becomes the one that counts, at whatever stage it is.
    takeover: {
      always: [
        to("acquiring"),
        to("booting"),
        to("preparing"),
        to("running"),
        to("releasing"),
        to("planning"),
      ],
    },
    settled: { type: "final" },
  },
});

function to<Phase extends RunPhase>(
  phase: Phase,
): {
  readonly guard: { readonly type: "is"; readonly params: { readonly phase: RunPhase } };
  readonly target: Phase;
} {
  return { guard: { type: "is", params: { phase } }, target: phase };
}

/**
 * xstate also makes a first state, without any input, that `transition` never looks at. The errors that this would raise
 * cost more than the transition itself.
 */
function isGiven(context: MachineContext): boolean {
  return "run" in context;
}

function runOf(context: MachineContext): RunContext {
  return context.draft?.context ?? context.run;
}
