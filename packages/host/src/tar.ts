/** One member of an archive that goes to a host. We never unpack one that comes from there. */
export interface TarEntry {
  /** Relative, with `/`, without newline. */
  readonly path: string;
  readonly bytes: number;
  readonly mode: number;
  readonly mtimeMs: number;
  /** Target of a symbolic link. */
  readonly link?: string;
}

const block = 512;

/** Bytes of an entry in an archive: headers, content and padding. */
export function tarEntrySize(entry: TarEntry): number {
  const long = (name: string | undefined): number => {
    const bytes = Buffer.byteLength(name ?? "");
    return bytes > 99 ? block + tarPadded(bytes + 1) : 0;
  };
  return block + long(entry.path) + long(entry.link) + tarPadded(contentBytes(entry));
}

/** Size rounded up to whole blocks. */
export function tarPadded(bytes: number): number {
  return Math.ceil(bytes / block) * block;
}

/** Ends an archive. */
export function tarEnd(): Buffer {
  return Buffer.alloc(2 * block);
}

/**
 * The header before an entry's content. Names over 100 bytes get the `L` and `K` entries that GNU tar and busybox
 * both know; the pax ones are not known everywhere.
 */
export function tarHeader(entry: TarEntry): Buffer {
  const path = Buffer.from(entry.path);
  const link = Buffer.from(entry.link ?? "");
  return Buffer.concat([
    ...(path.length > 99 ? longName("L", path) : []),
    ...(link.length > 99 ? longName("K", link) : []),
    header({
      path,
      link,
      mode: entry.mode,
      bytes: contentBytes(entry),
      mtime: Math.max(0, Math.floor(entry.mtimeMs / 1000)),
      type: entry.link === undefined ? "0" : "2",
    }),
  ]);
}

function contentBytes(entry: TarEntry): number {
  return entry.link === undefined ? entry.bytes : 0;
}

function longName(type: "L" | "K", name: Buffer): Buffer[] {
  const body = Buffer.alloc(tarPadded(name.length + 1));
  name.copy(body);
  return [
    header({
      path: Buffer.from("././@LongLink"),
      link: Buffer.alloc(0),
      mode: 0o644,
      bytes: name.length + 1,
      mtime: 0,
      type,
    }),
    body,
  ];
}

function header(fields: {
  readonly path: Buffer;
  readonly link: Buffer;
  readonly mode: number;
  readonly bytes: number;
  readonly mtime: number;
  readonly type: string;
}): Buffer {
  const result = Buffer.alloc(block);
  const octal = (value: number, at: number, length: number): void => {
    result.write(value.toString(8).padStart(length - 1, "0"), at, "latin1");
  };
  fields.path.copy(result, 0, 0, 99);
  octal(fields.mode & 0o7777, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(fields.bytes, 124, 12);
  octal(fields.mtime, 136, 12);
  result.write("        ", 148, "latin1");
  result.write(fields.type, 156, "latin1");
  fields.link.copy(result, 157, 0, 99);
  result.write("ustar  \0", 257, "latin1");
  let sum = 0;
  for (const byte of result) sum += byte;
  result.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return result;
}
