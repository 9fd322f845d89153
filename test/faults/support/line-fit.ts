/** A straight line through points, and how sure its slope is. */
export interface LineFit {
  /** How much y grows for one x. */
  readonly slope: number;
  /** With 95 % confidence the slope is within this of its estimate; infinite below three points. */
  readonly within: number;
}

/** Least squares. The points should be independent of each other, as samples at rest are. */
export function fitLine(points: readonly (readonly [x: number, y: number])[]): LineFit {
  const count = points.length;
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / count;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / count;
  const spread = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  if (count < 3 || spread === 0) return { slope: 0, within: Number.POSITIVE_INFINITY };
  const slope = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0) / spread;
  const rest = points.reduce((sum, [x, y]) => sum + (y - meanY - slope * (x - meanX)) ** 2, 0);
  const freedom = count - 2;
  return { slope, within: quantile(freedom) * Math.sqrt(rest / freedom / spread) };
}

/** Student's t for 95 % on both sides, a little above its tables everywhere. */
function quantile(freedom: number): number {
  if (freedom === 1) return 12.71;
  if (freedom === 2) return 4.31;
  return 1.96 + 3.7 / (freedom - 0.5);
}
