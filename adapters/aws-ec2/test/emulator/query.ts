/** A form of the EC2 Query protocol as a tree: `Filter.1.Value.2=x` is `Filter → 1 → Value → 2 → x`. */
export interface Tree {
  readonly text?: string;
  readonly parts: ReadonlyMap<string, Tree>;
}

interface Growing extends Tree {
  text?: string;
  readonly parts: Map<string, Growing>;
}

export function parseQuery(form: URLSearchParams): Tree {
  const root: Growing = { parts: new Map() };
  for (const [name, value] of form) {
    let place = root;
    for (const part of name.split(".")) {
      const next: Growing = place.parts.get(part) ?? { parts: new Map() };
      place.parts.set(part, next);
      place = next;
    }
    place.text = value;
  }
  return root;
}

/** The text at a path; `undefined` where it was not sent. */
export function textAt(tree: Tree, path: string): string | undefined {
  return treeAt(tree, path)?.text;
}

export function treeAt(tree: Tree, path: string): Tree | undefined {
  let place: Tree | undefined = tree;
  for (const part of path.split(".")) place = place?.parts.get(part);
  return place;
}

/** The members of a numbered list, in order. */
export function listAt(tree: Tree, path: string): readonly Tree[] {
  const parts = treeAt(tree, path)?.parts ?? new Map<string, Tree>();
  return [...parts.entries()]
    .toSorted(([one], [other]) => Number(one) - Number(other))
    .map(([, member]) => member);
}

export function textsAt(tree: Tree, path: string): readonly string[] {
  return listAt(tree, path).flatMap(({ text }) => text ?? []);
}
