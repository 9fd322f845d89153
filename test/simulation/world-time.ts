/** Wall-clock time at which every history begins: 2026-11-01T00:00:00Z, in epoch milliseconds. */
export const epochMs = 1_793_491_200_000;
