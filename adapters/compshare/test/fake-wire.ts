import type { TestAnswer } from "@gpujob/adapter-kit/testing";

/** The parameters of a call. */
export type Fields = Readonly<Record<string, string | undefined>>;

/** Every answer is HTTP 200. */
export function good(fields: object): TestAnswer {
  return { json: { Action: "Response", RetCode: 0, ...fields } };
}

export function refuse(code: number, message: string): TestAnswer {
  return { json: { Action: "Response", RetCode: code, Message: message } };
}

export const zones = [
  { Region: "cn-wlcb", Zone: "cn-wlcb-01", Describe: "华北二A" },
  { Region: "cn-sh2", Zone: "cn-sh2-02", Describe: "上海二B" },
];

export interface FakeType {
  readonly name: string;
  readonly vramGb: number;
  readonly status: "Normal" | "SoldOut";
  /** CNY per card and hour. */
  readonly price: number;
  readonly counts: readonly number[];
  /** Where alone it is sold. */
  readonly zone?: string;
}

export const types: readonly FakeType[] = [
  { name: "4090", vramGb: 24, status: "Normal", price: 1.92, counts: [1, 2, 4] },
  { name: "4090_48G", vramGb: 48, status: "Normal", price: 3.3, counts: [1] },
  { name: "3090", vramGb: 24, status: "Normal", price: 1.19, counts: [1], zone: "cn-wlcb-01" },
  { name: "A100", vramGb: 80, status: "SoldOut", price: 10.75, counts: [1, 8], zone: "cn-wlcb-01" },
];

/** Spot is refused for the others. */
export const spotTypes = new Set(["4090", "3090", "A100"]);

/** CPU and memory are one of a type's combinations; memory in GB here. */
export function sizes({ counts }: FakeType) {
  return counts.map((gpu) => ({ gpu, cpu: gpu * 16, memory: gpu * 64 }));
}

/** A whole number in a form, or NaN. */
export function whole(text: string | undefined): number {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : Number.NaN;
}
