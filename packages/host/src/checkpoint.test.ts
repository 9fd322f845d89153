import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, vi } from "vitest";
import type { Clock, HostSession } from "@gpujob/spec";
import type { CheckpointResult } from "./checkpoint.ts";
import { takeCheckpoint } from "./checkpoint.ts";
import { createContentStore } from "./content-store.ts";
import type { TestHost } from "./testing/test-host.ts";
import { clock, createPlan, createTestHost } from "./testing/test-host.ts";

// Real processes on a computer that may be busy.
vi.setConfig({ testTimeout: 60_000 });

const { signal } = new AbortController();

/** Real time but for the two seconds between looks, in which something may happen. */
function createClock(meanwhile: () => void = () => undefined): Clock {
  return {
    ...clock,
    async sleep(ms, wait) {
      if (ms !== 2000) await clock.sleep(ms, wait);
      else meanwhile();
    },
  };
}

async function prepare(host: TestHost): Promise<{ ckpt: string; store: string }> {
  await host.session.prepare(host.attempt, createPlan("true"), { signal });
  const ckpt = join(host.control(host.attempt), "../work/ckpt[1]");
  mkdirSync(ckpt);
  return { ckpt, store: join(host.folder, "store") };
}

describe.concurrent("takeCheckpoint", () => {
  it("brings what rests, once, and says when nothing changed", async ({ expect }) => {
    await using host = createTestHost("dash");
    const { ckpt, store: folder } = await prepare(host);
    const store = createContentStore(folder);
    writeFileSync(join(ckpt, "model"), "weights");
    writeFileSync(join(ckpt, "copy"), "weights");
    const take = (previous?: CheckpointResult["checkpoint"]): Promise<CheckpointResult> =>
      takeCheckpoint(host.session, host.attempt, "ckpt[1]", store, {
        clock: createClock(),
        signal,
        ...(previous === undefined ? {} : { previous }),
      });
    const first = await take();
    expect(first).toMatchObject({ isUnchanged: false, leftOut: [], receivedBytes: 7 });
    expect(first.checkpoint?.files.map(({ path }) => path).toSorted()).toEqual([
      "ckpt[1]/copy",
      "ckpt[1]/model",
    ]);
    const second = await take(first.checkpoint);
    expect(second).toMatchObject({ isUnchanged: true, receivedBytes: 0 });
    expect(await store.list()).toHaveLength(1);
    const [file] = first.checkpoint?.files ?? [];
    if (file === undefined) throw new Error("no file");
    const back = await store.toUploadFile(file);
    await host.session.upload({ ...host.attempt, attempt: 2 }, [back], { signal });
    const restored = join(host.control({ ...host.attempt, attempt: 2 }), "../work", file.path);
    expect(readFileSync(restored, "utf8")).toBe("weights");
  });

  it("leaves out and names a file that never rests", async ({ expect }) => {
    await using host = createTestHost("dash");
    const { ckpt, store } = await prepare(host);
    writeFileSync(join(ckpt, "done"), "1");
    writeFileSync(join(ckpt, "log"), "0");
    const result = await takeCheckpoint(
      host.session,
      host.attempt,
      "ckpt[1]",
      createContentStore(store),
      { clock: createClock(() => writeFileSync(join(ckpt, "log"), "more", { flag: "a" })), signal },
    );
    expect(result.checkpoint?.files.map(({ path }) => path)).toEqual(["ckpt[1]/done"]);
    expect(result.leftOut).toEqual([{ path: "ckpt[1]/log", reason: "it is still being written" }]);
  });

  it("gives no checkpoint when nothing rests, so that the last one stays", async ({ expect }) => {
    await using host = createTestHost("dash");
    const { ckpt, store } = await prepare(host);
    const result = await takeCheckpoint(
      host.session,
      host.attempt,
      "ckpt[1]",
      createContentStore(store),
      { clock: createClock(() => writeFileSync(join(ckpt, "a"), "x", { flag: "a" })), signal },
    );
    expect(result.checkpoint).toBeUndefined();
    expect(result.leftOut).toHaveLength(1);
  });

  it("looks once when the job has stopped", async ({ expect }) => {
    await using host = createTestHost("dash");
    const { ckpt, store } = await prepare(host);
    writeFileSync(join(ckpt, "a"), "1");
    let looks = 0;
    const session: HostSession = {
      ...host.session,
      list: (...args) => {
        looks++;
        return host.session.list(...args);
      },
    };
    const result = await takeCheckpoint(
      session,
      host.attempt,
      "ckpt[1]",
      createContentStore(store),
      {
        clock,
        signal,
        isStopped: true,
      },
    );
    expect(looks).toBe(1);
    expect(result.checkpoint?.files).toHaveLength(1);
  });
});

describe("createContentStore", () => {
  it("keeps nothing whose hash is another, and forgets what is not wanted", async ({ expect }) => {
    await using host = createTestHost("dash");
    const store = createContentStore(join(host.folder, "store"));
    const sha256 = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";
    const file = { path: "x", bytes: 1, mode: 0o644, mtimeMs: 0, sha256 };
    const bring = (text: string) =>
      store.put(
        file,
        async function* () {
          yield Buffer.from(text);
        },
        { signal },
      );
    await expect(bring("y")).rejects.toMatchObject({ failure: { kind: "download_failed" } });
    expect(await store.has(sha256)).toBe(false);
    expect(await bring("x")).toEqual({ receivedBytes: 1 });
    expect(await bring("x")).toEqual({ receivedBytes: 0 });
    expect(await store.list()).toEqual([sha256]);
    await store.keepOnly(new Set());
    expect(await store.list()).toEqual([]);
  });
});
