import { describe, it } from "vitest";
import { createLogWriter } from "./log-writer.ts";

function collect(isTerminal: boolean, hasManyNodes: boolean) {
  const chunks: Buffer[] = [];
  const writer = createLogWriter({
    output: {
      isTerminal,
      columns: () => 80,
      write: async () => undefined,
      onGone: () => undefined,
      flush: async () => undefined,
    },
    write: async (content) => {
      chunks.push(Buffer.from(content));
    },
    hasManyNodes,
  });
  return { writer, bytes: () => Buffer.concat(chunks) };
}

describe("the log of a job", () => {
  it("goes into a pipe byte for byte", async ({ expect }) => {
    const { writer, bytes } = collect(false, false);
    const raw = Buffer.from([0xff, 0x1b, 0x5d, 0x30, 0x3b, 0x07, 0x00, 0xe4, 0xb8]);
    await writer.write({ node: 0, bytes: raw });
    await writer.end();
    expect(bytes()).toEqual(raw);
  });

  it("keeps its colours on a terminal, and can do nothing else there", async ({ expect }) => {
    const { writer, bytes } = collect(true, false);
    const log = Buffer.from("\u001B[31m红色\u001B[0m\u001B]52;c;aGk=\u0007 50%\r100%\n");
    // Cut in the middle of a character and of a sequence.
    for (const byte of log) await writer.write({ node: 0, bytes: Buffer.from([byte]) });
    await writer.end();
    expect(bytes().toString()).toBe("\u001B[31m红色\u001B[0m 50%\r100%\n");
  });

  it("writes whole lines with their node, and an unfinished last one", async ({ expect }) => {
    const { writer, bytes } = collect(true, true);
    await writer.write({ node: 0, bytes: Buffer.from("a") });
    await writer.write({ node: 1, bytes: Buffer.from("b\nc\n") });
    await writer.write({ node: 0, bytes: Buffer.from("d") });
    await writer.end();
    expect(bytes().toString()).toBe("[1] b\n[1] c\n[0] ad\n");
  });
});
