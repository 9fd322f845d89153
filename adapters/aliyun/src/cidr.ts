/** A range of IPv4 addresses as its first and its number of them. */
interface Range {
  readonly first: number;
  readonly count: number;
}

/** The first block of a network that overlaps none of those in use: of 4096 addresses, fewer in a small network. */
export function findFreeBlock(network: string, used: readonly string[]): string | undefined {
  const whole = toRange(network);
  const taken = used.map(toRange);
  const count = Math.min(4096, Math.max(16, whole.count / 16));
  for (let first = whole.first; first + count <= whole.first + whole.count; first += count) {
    const isTaken = taken.some(
      (other) => first < other.first + other.count && other.first < first + count,
    );
    if (!isTaken) return toCidr({ first, count });
  }
  return undefined;
}

function toRange(cidr: string): Range {
  const [address = "", bits = "32"] = cidr.split("/");
  const first = address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  return { first, count: 2 ** (32 - Number(bits)) };
}

function toCidr({ first, count }: Range): string {
  const parts = [24, 16, 8, 0].map((bits) => Math.floor(first / 2 ** bits) % 256);
  return `${parts.join(".")}/${32 - Math.log2(count)}`;
}
