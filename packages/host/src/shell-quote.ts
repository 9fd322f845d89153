import { GpujobError } from "@gpujob/spec";

/**
 * One word of POSIX shell text that means exactly `value`, whatever is in it. The only way by which a value reaches
 * a shell. Throws `spec_invalid` for NUL, which no environment or argument can carry.
 */
export function quoteShell(value: string): string {
  if (value.includes("\0")) {
    throw new GpujobError("spec_invalid", "A value contains a NUL byte, which no shell can carry.");
  }
  return `'${value.replaceAll("'", "'\\''")}'`;
}

/** Shell text that exports every pair. Throws `spec_invalid` for a name that no shell accepts. */
export function renderExports(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => {
      if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
        throw new GpujobError("spec_invalid", `${JSON.stringify(name)} is no name of a variable.`, {
          hint: "Use letters, digits and underscores, not beginning with a digit.",
        });
      }
      return `export ${name}=${quoteShell(value)}\n`;
    })
    .join("");
}
