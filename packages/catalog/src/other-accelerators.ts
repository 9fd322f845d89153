/** Accelerators that are rented but that a job cannot ask for as a GPU: their programs are of another kind. */
const otherAccelerators: readonly RegExp[] = [
  /^tpu\b/i, // Google's tensor processors, sold in slices
  /^(?:aws )?(?:inferentia|trainium)\d?$/i,
  /\bAI100\b/i, // Qualcomm's inference card
  /\bVirtex\b|\bAlveo\b|\bVU9P\b/i, // programmable logic
  /\bMA35D\b/i, // video encoding
];

/** Is this the name of a known accelerator that is not a GPU, such as a TPU or programmable logic? */
export function isOtherAccelerator(text: string): boolean {
  const name = text.trim();
  return otherAccelerators.some((pattern) => pattern.test(name));
}
