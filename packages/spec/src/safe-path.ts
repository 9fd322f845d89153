import { GpujobError } from "./errors.ts";
import { quoteText } from "./nearest.ts";

/** What a path in a job file is for; goes into messages. */
type Use = "workdir" | "output" | "checkpoint" | "target";

/**
 * Checks a path of a job file and returns it without `./` and doubled slashes. A path below the work folder has no `..`
 * and does not start at the root; a `target` may be absolute, a `workdir` may be too.
 * @throws `usage` that says what to write.
 */
export function checkPath(path: string, use: Use): string {
  const shown = quoteText(path);
  if (path.trim() === "") throw refuse("The path is empty.", "Write a path, or remove the key.");
  // oxlint-disable-next-line no-control-regex -- control characters are what is refused
  if (/[\0-\x1f\x7f]/.test(path)) {
    throw refuse(`${shown} has a control character.`, "Remove it from the path.");
  }
  if (path.length > 1000) throw refuse("The path is longer than 1000 characters.", "Shorten it.");
  const isAbsolute = path.startsWith("/");
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) throw refuse(`${shown} leaves its folder with "..".`, withoutDots[use]);
  if (use === "workdir") return isAbsolute ? `/${parts.join("/")}` : parts.join("/") || ".";
  if (path.startsWith("~")) {
    throw refuse(`${shown} starts at a home folder.`, "Write a path relative to the work folder.");
  }
  if (isAbsolute && use === "target" && parts.length > 0) return `/${parts.join("/")}`;
  if (isAbsolute) {
    throw refuse(`${shown} is absolute.`, "Write a path relative to the work folder.");
  }
  const joined = parts.join("/");
  if (joined === "")
    throw refuse(`${shown} is the whole work folder.`, "Name something inside it.");
  return path.endsWith("/") && use === "output" ? `${joined}/` : joined;
}

const withoutDots: Readonly<Record<Use, string>> = {
  workdir: "Put the job file into the folder whose files are sent, or write an absolute path.",
  output: 'Write outputs into the work folder, or into "$GPUJOB_OUTPUT_DIR".',
  checkpoint: "Write checkpoints into a folder inside the work folder.",
  target: "Place the file inside the work folder.",
};

function refuse(message: string, hint: string): GpujobError {
  return new GpujobError("usage", message, { hint });
}

/** Reads the source of a file: local path, `https://`, `host:/path` or `run:RUN/path`. @throws `usage`. */
export function readFileSource(
  text: string,
):
  | { readonly kind: "local"; readonly path: string }
  | { readonly kind: "url"; readonly url: string }
  | { readonly kind: "host"; readonly path: string }
  | { readonly kind: "run"; readonly run: string; readonly path: string } {
  const shown = quoteText(text);
  const scheme = /^([a-z][a-z0-9+.-]{1,20}):/i.exec(text)?.[1]?.toLowerCase();
  // oxlint-disable-next-line no-control-regex -- control characters are what is refused
  if (text.trim() === "" || /[\0-\x1f\x7f]/.test(text)) {
    throw refuse(`${shown} is no source of a file.`, "Write a path, or an https:// address.");
  }
  if (scheme === undefined) return { kind: "local", path: text };
  if (scheme === "https") return { kind: "url", url: checkUrl(text) };
  if (scheme === "host") return { kind: "host", path: checkHostPath(text.slice(5), shown) };
  if (scheme === "run") return readRunSource(text.slice(4), shown);
  if (scheme === "s3" || scheme === "hf" || scheme === "modelscope") {
    const next = "Use a local path, an https:// address or host:/path, or fetch it in `setup`.";
    throw refuse(`${shown}: ${scheme}:// is not yet supported.`, next);
  }
  if (scheme === "http") {
    throw refuse(`${shown} is not encrypted.`, "Use https://, or fetch it in `setup`.");
  }
  if (text.includes("://")) {
    const next = "Use a local path, https://, host:/path or run:RUN/path.";
    throw refuse(`${shown}: ${scheme}:// is not supported.`, next);
  }
  return { kind: "local", path: text };
}

function checkUrl(text: string): string {
  if (!URL.canParse(text)) {
    throw refuse(`${quoteText(text)} is not a web address.`, "Check it in a browser.");
  }
  const { username, password } = new URL(text);
  if (username === "" && password === "") return text;
  const next = "Fetch it in `setup` with a name from `secrets`.";
  throw refuse("The address carries a user name or a password.", next);
}

function checkHostPath(path: string, shown: string): string {
  const isPlain = path.startsWith("/") && !path.split("/").includes("..");
  if (isPlain) return path;
  throw refuse(`${shown} is no absolute path on the host.`, "Write it as host:/data/set.");
}

function readRunSource(
  text: string,
  shown: string,
): { readonly kind: "run"; readonly run: string; readonly path: string } {
  const slash = text.indexOf("/");
  const path = slash < 1 ? "" : text.slice(slash + 1);
  if (path === "" || path.split("/").includes("..")) {
    throw refuse(
      `${shown} names no file of a run.`,
      "Write it as run:RUN/path, such as run:r-k3v9x2/a.bin.",
    );
  }
  return { kind: "run", run: text.slice(0, slash), path };
}

/** Checks a job's or platform's name: it becomes part of file names and of machines' names. @throws `usage`. */
export function checkName(name: string): string {
  const shown = quoteText(name);
  if (/^r-[a-z0-9]{4,8}$/.test(name)) {
    throw refuse(`${shown} looks like a run id.`, "Choose another name.");
  }
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(name) && !name.includes("..")) return name;
  const next = `Use letters, digits, ".", "-" and "_", at most 63, starting with a letter or digit${suggestion(name)}.`;
  throw refuse(`${shown} is no safe name.`, next);
}

/** A safe name made from any text, such as a file's name; empty when nothing is left. */
export function toSafeName(text: string): string {
  return text
    .replaceAll(/[^A-Za-z0-9._-]+/g, "-")
    .replaceAll(/\.{2,}/g, ".")
    .replaceAll(/^[^A-Za-z0-9]+|-+$/g, "")
    .slice(0, 63);
}

function suggestion(name: string): string {
  const safe = toSafeName(name);
  return safe === "" ? "" : `, such as ${safe}`;
}
