/** Cuts a stream of files, one after the other, into the files: each as long as it was listed. */
export async function* splitBatch(
  files: readonly { readonly bytes: number }[],
  stream: AsyncIterable<Uint8Array>,
): AsyncGenerator<{ readonly index: number; readonly content: Buffer }> {
  let index = 0;
  let chunks: Uint8Array[] = [];
  let have = 0;
  for await (const chunk of stream) {
    let rest = chunk;
    for (let file = files[index]; file; file = files[index]) {
      const need = file.bytes - have;
      if (rest.length < need) break;
      yield { index, content: Buffer.concat([...chunks, rest.subarray(0, need)]) };
      rest = rest.subarray(need);
      chunks = [];
      have = 0;
      index++;
    }
    if (rest.length > 0) chunks.push(rest);
    have += rest.length;
  }
  // Empty files at the end need no bytes, nor does a batch of nothing but them.
  for (; files[index]?.bytes === 0; index++) yield { index, content: Buffer.alloc(0) };
}
