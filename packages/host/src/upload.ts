import type { HostFile, UploadFile, UploadReport } from "@gpujob/spec";
import { GpujobError } from "@gpujob/spec";
import { createManifest } from "./manifest.ts";
import type { UploadContext } from "./upload-conversation.ts";
import { converse } from "./upload-conversation.ts";
import { sumBytes } from "./upload-meter.ts";

/** Brings files into the work folder, sending only what the host lacks. */
export async function uploadFiles(
  files: readonly UploadFile[] | Promise<readonly UploadFile[]>,
  into: string,
  context: UploadContext,
): Promise<UploadReport> {
  let wanted = Promise.resolve(files);
  let sent = { sentBytes: 0, sentFiles: 0 };
  const changed: HostFile[] = [];
  for (let round = 0; round < 5; round++) {
    // The conversation begins while the files are still looked for.
    const planned = wanted.then((found) => createManifest(found, into));
    const refused = planned.then(
      () => undefined,
      (reason: unknown) => ({ reason }),
    );
    const result = await converse(planned, { ...context, mayGuess: round === 0 }).catch(
      async (error: unknown): Promise<never> => {
        // What ended the conversation may be that there is nothing to send.
        const why = await Promise.race([refused, Promise.resolve(undefined)]);
        throw why === undefined ? error : why.reason;
      },
    );
    const manifest = await planned;
    sent = {
      sentBytes: sent.sentBytes + result.sentBytes,
      sentFiles: sent.sentFiles + result.sentFiles,
    };
    if (result.lost.size === 0 && !result.isStale) {
      return {
        ...sent,
        totalBytes: sumBytes(manifest.entries),
        totalFiles: manifest.entries.length + manifest.links.length,
        ...(changed.length === 0 ? {} : { changed }),
      };
    }
    wanted = Promise.resolve(await rereadLost(await wanted, result.lost, changed));
  }
  throw new GpujobError("host_disk_full", "Some files did not arrive whole in five tries.", {
    operation: "upload",
    hint: "Look for a full disk on the machine, or files that change all the time.",
  });
}

/** Files that changed while they were sent are looked at again; those that are gone are left out. */
async function rereadLost(
  files: readonly UploadFile[],
  lost: ReadonlySet<string>,
  changed: HostFile[],
): Promise<UploadFile[]> {
  const result: UploadFile[] = [];
  for (const file of files) {
    const fresh = lost.has(file.sha256) && file.reread !== undefined ? await file.reread() : file;
    if (fresh === undefined) continue;
    if (fresh.sha256 !== file.sha256) {
      const { path, bytes, mode, mtimeMs, sha256 } = fresh;
      changed.push({ path, bytes, mode, mtimeMs, sha256 });
    }
    result.push(fresh);
  }
  return result;
}
