/**
 * Reads JSON that this program wrote itself: snapshots, submissions, events, effects. Their shape is vouched for by the
 * version beside them and by migrations, not checked again each time.
 */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller says what it stored
export function readStored<Value>(text: string): Value {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the one border at which stored JSON gets its type
  return JSON.parse(text) as Value;
}
