import { GpujobError } from "./errors.ts";
import type { Range, Resources } from "./job.ts";
import { quoteText } from "./nearest.ts";
import { unreadable } from "./quantity.ts";
import { parseRange } from "./range.ts";
import { parseBandwidthGbps } from "./size.ts";

/** Reads `any`, `ethernet`, `rdma` or `rdma:100Gbps..`. @throws `usage`. */
export function readFabric(value: unknown): Resources["fabric"] {
  const [kind = "", bandwidth, ...rest] = typeof value === "string" ? value.split(":") : [];
  const known = (["any", "ethernet", "rdma"] as const).find((one) => one === kind.trim());
  if (known === undefined || rest.length > 0) {
    throw unreadable(
      value,
      "a fabric",
      "Write any, ethernet, rdma, or rdma:100Gbps.. with a bandwidth.",
    );
  }
  if (bandwidth === undefined) return { kind: known };
  const range = parseRange(bandwidth, { parse: parseBandwidthGbps, bare: "at-least" });
  return { kind: known, bandwidthGbps: range };
}

/** Reads a number of CPU cores or a range of it; a bare one means at least. @throws `usage`. */
export function readWholeRange(value: unknown): Range {
  const parse = (text: string): number => {
    if (/^[1-9]\d{0,4}$/.test(text)) return Number(text);
    throw unreadable(
      text,
      "a number of cores",
      "Write a whole number such as 8, or a range such as 8..16.",
    );
  };
  return parseRange(value, { parse, bare: "at-least" });
}

/** Reads an image: an alias of the catalogue, `docker:REF`, or a map by platform. @throws `usage`. */
export function readImage(value: unknown): string | Readonly<Record<string, string>> {
  if (typeof value === "string") return checkImage(value);
  const next =
    "Write an alias such as pytorch-2.8, docker:REF, or a map by platform with `default`.";
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw unreadable(value, "an image", next);
  }
  const entries = Object.entries(value).map(([platform, image]): [string, string] => {
    if (typeof image !== "string") throw unreadable(image, `an image (of ${platform})`, next);
    return [platform, checkImage(image)];
  });
  if (entries.length === 0) throw unreadable("{}", "an image", next);
  return Object.fromEntries(entries);
}

function checkImage(image: string): string {
  if (image.startsWith("docker:")) {
    if (/^[a-zA-Z0-9][\w./:@-]{0,254}$/.test(image.slice("docker:".length))) return image;
    const next = "Write what `docker pull` takes, such as docker:nvcr.io/nvidia/pytorch:25.10-py3.";
    throw unreadable(image, "an image of Docker", next);
  }
  if (/^[\w./:@+-]{1,200}$/.test(image)) return image;
  throw unreadable(image, "an image", "Write an alias such as pytorch-2.8, or docker:REF.");
}

const signals = ["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGQUIT", "SIGCONT"];

/** Reads a signal that a job can catch, with or without its prefix. @throws `usage`. */
export function readSignal(text: string): string {
  const name = `SIG${text.trim().toUpperCase().replace(/^SIG/, "")}`;
  if (signals.includes(name)) return name;
  const hint = `Use one of ${signals.join(", ")}.`;
  throw new GpujobError("usage", `${quoteText(text)} is no signal that a job can answer.`, {
    hint,
  });
}

/** Reads where checkpoints are kept. @throws `usage`: storage comes later. */
export function readCheckpointStore(store: "local" | "storage"): "local" {
  if (store === "local") return store;
  const hint = "Use local: checkpoints are kept on this machine.";
  throw new GpujobError("usage", "Checkpoints in storage are not yet supported.", { hint });
}

/** Reads a two-letter country code. @throws `usage`. */
export function readCountry(text: string): string {
  const code = text.trim().toLowerCase();
  if (/^[a-z]{2}$/.test(code)) return code;
  throw unreadable(text, "a country code", "Write the two letters, such as cn, us or de.");
}

/** Checks the name of an environment variable. @throws `usage`. */
export function checkVariable(name: string): string {
  const shown = quoteText(name);
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,254}$/.test(name) || name === "__proto__") {
    const hint = /=/.test(name)
      ? "Write `NAME: value`."
      : "Use letters, digits and _, starting with a letter.";
    throw new GpujobError("usage", `${shown} is no name of an environment variable.`, { hint });
  }
  if (!name.startsWith("GPUJOB_")) return name;
  const hint = "Choose another name: those with GPUJOB_ are set by gpujob itself.";
  throw new GpujobError("usage", `${shown} cannot be set.`, { hint });
}

/** Checks the name of a label. @throws `usage`. */
export function checkLabel(name: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}$/.test(name)) return name;
  const hint = 'Use letters, digits, ".", "_", "-" and "/", at most 63.';
  throw new GpujobError("usage", `${quoteText(name)} is no name of a label.`, { hint });
}
