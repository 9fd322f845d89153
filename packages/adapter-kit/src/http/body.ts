/** What is wrong with an answer's body, in words that complete "the answer is …". */
export class BodyProblem extends Error {}

/**
 * Reads a body as text, at most so many bytes after decompression.
 *
 * @throws BodyProblem when it is larger; the rest is not read.
 */
export async function readText(response: Response, maximumBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > maximumBytes) throw new BodyProblem(`larger than ${maximumBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/**
 * The body as a JSON value; `undefined` when it is empty.
 *
 * @throws BodyProblem when it is a web page, cut off, or no JSON for another reason.
 */
export function parseBody(text: string): unknown {
  const trimmed = text.trim();
  if (trimmed === "") return undefined;
  if (trimmed.startsWith("<")) throw new BodyProblem("a web page or XML, not JSON");
  try {
    return JSON.parse(trimmed);
  } catch (error) {
    const isCut = /^[[{"]/.test(trimmed) && !/[\]}"]$/.test(trimmed);
    throw new BodyProblem(isCut ? "cut off in the middle of its JSON" : "not JSON", {
      cause: error,
    });
  }
}
