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

const neverRests = "it is written anew before it can be copied";

/** A job that writes after every look at its files. */
function restless(session: HostSession, write: () => void): HostSession {
  return {
    ...session,
    async list(...args) {
      const listing = await session.list(...args);
      write();
      return listing;
    },
  };
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

  it("copies what is written anew all the time between two writes, as it was at one moment", async ({
    expect,
  }) => {
    await using host = createTestHost("dash");
    const { ckpt, store } = await prepare(host);
    let step = 0;
    const write = (): void => {
      step += 1;
      for (const name of ["model", "optimizer"]) writeFileSync(join(ckpt, name), `step ${step}`);
    };
    write();
    let reads = 0;
    const session: HostSession = {
      ...host.session,
      read(...args) {
        // The first copy is spoilt half-way; the second one is not.
        if ((reads += 1) === 2) write();
        return host.session.read(...args);
      },
    };
    const content = createContentStore(store);
    const options = { clock: createClock(write), signal };
    const result = await takeCheckpoint(session, host.attempt, "ckpt[1]", content, options);
    expect(result.leftOut).toEqual([]);
    const hashes = new Set(result.checkpoint?.files.map(({ sha256 }) => sha256));
    expect(result.checkpoint?.files).toHaveLength(2);
    expect(hashes.size).toBe(1);
  });

  it("takes the newest entry that stays as it is while others change", async ({ expect }) => {
    await using host = createTestHost("dash");
    const { ckpt, store } = await prepare(host);
    for (const name of ["step-1", "step-2"]) {
      mkdirSync(join(ckpt, name));
      writeFileSync(join(ckpt, name, "model"), name);
    }
    writeFileSync(join(ckpt, "done"), "1");
    const session = restless(host.session, () => {
      writeFileSync(join(ckpt, "step-2", "model"), "more", { flag: "a" });
    });
    const options = { clock: createClock(), signal };
    const content = createContentStore(store);
    const result = await takeCheckpoint(session, host.attempt, "ckpt[1]", content, options);
    expect(result.checkpoint?.files.map(({ path }) => path).toSorted()).toEqual([
      "ckpt[1]/done",
      "ckpt[1]/step-1/model",
    ]);
    expect(result.leftOut).toEqual([{ path: "ckpt[1]/step-2/model", reason: neverRests }]);
  });

  it("gives no checkpoint when nothing ever rests, so that the last one stays, and names it", async ({
    expect,
  }) => {
    await using host = createTestHost("dash");
    const { ckpt, store } = await prepare(host);
    const write = (): void => writeFileSync(join(ckpt, "a"), "x", { flag: "a" });
    write();
    const session = restless(host.session, write);
    const content = createContentStore(store);
    const options = { clock: createClock(), signal };
    const result = await takeCheckpoint(session, host.attempt, "ckpt[1]", content, options);
    expect(result.checkpoint).toBeUndefined();
    expect(result.leftOut).toEqual([{ path: "ckpt[1]/a", reason: neverRests }]);
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
