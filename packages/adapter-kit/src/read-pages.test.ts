import { describe, it } from "vitest";
import { readPages } from "./read-pages.ts";

const place = { platform: "acme", operation: "listLeases" };
type Answer = { readonly rows: readonly string[]; readonly total: number; readonly isLast?: true };

/** Reads a list that answers so, one page after the other; the last answer for ever. */
function read(answers: readonly Answer[]): Promise<readonly string[]> {
  const left = [...answers];
  return readPages({
    place,
    idOf: (row: string) => row,
    readPage: async () => (left.length > 1 ? left.shift() : left[0]) ?? { rows: [], total: 0 },
  });
}

describe("a paged list", () => {
  it("is read to its end, by number of page and by offset", async ({ expect }) => {
    const all = ["a", "b", "c", "d", "e"];
    const asked: unknown[] = [];
    const rows = await readPages({
      place,
      idOf: (row: string) => row,
      readPage: async (position) => {
        asked.push(position);
        return { rows: all.slice(position.offset, position.offset + 2), total: all.length };
      },
    });
    expect(rows).toEqual(all);
    expect(asked).toEqual([
      { page: 1, offset: 0 },
      { page: 2, offset: 2 },
      { page: 3, offset: 4 },
    ]);
  });

  it("may be empty", async ({ expect }) => {
    expect(await read([{ rows: [], total: 0 }])).toEqual([]);
  });

  it("that shows a page again, or ends early, is no list", async ({ expect }) => {
    const broken = { failure: { kind: "contract_violation", scope: "platform", ...place } };
    await expect(read([{ rows: ["a"], total: 3 }])).rejects.toMatchObject(broken);
    await expect(read([{ rows: ["a"], total: 2, isLast: true }])).rejects.toMatchObject(broken);
  });

  it("that changes while it is read is read again, and given up when it never rests", async ({
    expect,
  }) => {
    const changed = [
      { rows: ["a"], total: 2 },
      { rows: ["b"], total: 3 },
      { rows: ["a", "b", "c"], total: 3 },
    ];
    expect(await read(changed)).toEqual(["a", "b", "c"]);
    const restless = [2, 3, 2, 3, 2, 3].map((total) => ({ rows: [String(total)], total }));
    await expect(read(restless)).rejects.toMatchObject({ failure: { kind: "unavailable" } });
  });
});
