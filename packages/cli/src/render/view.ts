/** How and when something is shown. Renderers take nothing else from outside. */
export interface View {
  /** Width of a line; `Infinity` where nothing is cut, as in a pipe. */
  readonly columns: number;
  readonly colour: boolean;
  /** Epoch milliseconds, for ages. */
  readonly now: number;
}
