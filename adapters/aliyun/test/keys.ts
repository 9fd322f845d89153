import { randomBytes } from "node:crypto";

/** Keys that open nothing but the emulator, made anew for each test. */
export function makeKeys(): { readonly accessKeyId: string; readonly accessKeySecret: string } {
  const text = (bytes: number): string => randomBytes(bytes).toString("hex");
  return { accessKeyId: `test-${text(8)}`, accessKeySecret: text(20) };
}

/** The part of the configuration that names them. */
export const keySettings = {
  accessKeyId: { env: "TEST_ALIYUN_ID" },
  accessKeySecret: { env: "TEST_ALIYUN_KEY" },
};
