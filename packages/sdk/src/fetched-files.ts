import { join } from "node:path";
import type { FileSource, JobSpec } from "@gpujob/spec";
import { quoteArgv } from "@gpujob/ssh";
import type { Store } from "@gpujob/store";
import { findRun, submissionOf } from "./runs.ts";

/**
 * Turns `files:` entries that this machine does not send into what does it: addresses are fetched and paths of the
 * machine are linked by the machine itself, before the job's own set-up; files of another run are sent from its outputs.
 */
export async function resolveFiles(job: JobSpec, store: () => Promise<Store>): Promise<JobSpec> {
  const files: FileSource[] = [];
  const lines: string[] = [];
  const hostPaths: string[] = [];
  for (const { target, source } of job.files) {
    switch (source.kind) {
      case "local":
        files.push({ target, source });
        break;
      case "run": {
        const row = await findRun(await store(), source.run);
        const path = join(submissionOf(row).outputFolder, source.path);
        files.push({ target, source: { kind: "local", path } });
        break;
      }
      case "url":
        lines.push(...fetchLines(target, source.url));
        break;
      case "host":
        lines.push(...linkLines(target, source.path));
        hostPaths.push(source.path);
        break;
    }
  }
  if (lines.length === 0) return { ...job, files };
  return {
    ...job,
    files,
    ...(hostPaths.length === 0 ? {} : { hostPaths }),
    setup: [...lines, ...(job.setup === undefined ? [] : [job.setup])].join("\n"),
  };
}

/** With whatever the machine has; kept from an earlier attempt where it is whole. */
function fetchLines(target: string, url: string): readonly string[] {
  const file = quoteArgv([target]);
  const part = quoteArgv([`${target}.part`]);
  const from = quoteArgv([url]);
  const python = quoteArgv([
    "import sys, urllib.request; urllib.request.urlretrieve(sys.argv[1], sys.argv[2])",
  ]);
  return [
    `mkdir -p "$(dirname -- ${file})"`,
    `if [ ! -e ${file} ]; then`,
    `  echo "Fetching "${from}`,
    `  if command -v curl >/dev/null 2>&1; then curl -fsSL --retry 3 -C - -o ${part} ${from}`,
    `  elif command -v wget >/dev/null 2>&1; then wget -q -c -O ${part} ${from}`,
    `  elif command -v python3 >/dev/null 2>&1; then python3 -c ${python} ${from} ${part}`,
    `  else echo "This machine has no curl, wget or python3 to fetch with." >&2; exit 1; fi`,
    `  mv -- ${part} ${file}`,
    `fi`,
  ];
}

/** Large data that is on the machine already is not copied. */
function linkLines(target: string, path: string): readonly string[] {
  const [file, there] = [quoteArgv([target]), quoteArgv([path])];
  return [
    `[ -e ${there} ] || { echo "files: there is no "${there}" on this machine." >&2; exit 1; }`,
    `mkdir -p "$(dirname -- ${file})"; ln -sfn -- ${there} ${file}`,
  ];
}
