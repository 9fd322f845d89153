import type { CommandContext } from "../context.ts";
import type { Outcome } from "../definition.ts";
import type { View } from "../render/view.ts";

/**
 * Shows something again and again until it is over or the person leaves: in place on a terminal, elsewhere a new block
 * at every change. Ctrl-C ends only the view.
 */
export async function watchLines<Data>(
  read: () => Promise<Data>,
  render: (data: Data, view: View) => readonly string[],
  isOver: (data: Data) => boolean,
  context: CommandContext,
): Promise<Outcome<Data>> {
  const inPlace = context.out.isTerminal && context.isLive && !context.isJson;
  const show = inPlace ? (await import("log-update")).default : undefined;
  let before = "";
  const gone = new AbortController();
  context.out.onGone(() => gone.abort());
  const signal = AbortSignal.any([context.signal, gone.signal]);
  for (;;) {
    const data = await read();
    const text = render(data, context.view(context.out)).join("\n");
    const steady = render(data, { ...context.view(context.out), now: 0 }).join("\n");
    if (show) show(text);
    else if (!context.isJson && steady !== before) await context.out.write(`${text}\n`);
    before = steady;
    if (isOver(data) || signal.aborted) {
      show?.done();
      return { data };
    }
    // The end of the wait by a signal is looked at above.
    await context.sleep(1000, { signal }).catch(() => undefined);
  }
}
