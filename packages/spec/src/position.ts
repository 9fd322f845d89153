/** Where a value stands in its file; both count from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Something wrong at one place, in words that say what to do next. */
export interface Problem {
  /** `train.yaml:3:5`, or what else the value came from, such as `--budget`. */
  readonly where: string;
  readonly message: string;
}

/** Finds lines and columns of offsets in one text. */
export function createPositions(text: string): (offset: number) => Position {
  const starts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return (offset) => {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
  };
}

/** A position as editors and terminals understand it: `train.yaml:3:5`. */
export function formatPosition(file: string, position: Position): string {
  return `${file}:${position.line}:${position.column}`;
}
