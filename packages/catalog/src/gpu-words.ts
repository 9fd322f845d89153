import type { GpuVendor } from "@gpujob/spec";

/** Words that name a maker or one of its product lines, and say nothing else. */
export const vendorWords: Readonly<Record<string, GpuVendor>> = {
  nvidia: "nvidia",
  geforce: "nvidia",
  tesla: "nvidia",
  quadro: "nvidia",
  amd: "amd",
  radeon: "amd",
  instinct: "amd",
  intel: "intel",
  habana: "intel",
  huawei: "ascend",
  ascend: "ascend",
  cambricon: "cambricon",
  hygon: "hygon",
  mthreads: "moore-threads",
  moorethreads: "moore-threads",
  metax: "metax",
  iluvatar: "iluvatar",
  corex: "iluvatar",
  kunlun: "kunlun",
  kunlunxin: "kunlun",
  enflame: "enflame",
  biren: "biren",
  thead: "t-head",
};

/** Chinese names of makers and products, in the words used above. */
export const chineseWords: readonly (readonly [name: string, word: string])[] = [
  ["英伟达", " nvidia "],
  ["华为", " huawei "],
  ["昇腾", " ascend "],
  ["升腾", " ascend "],
  ["寒武纪", " cambricon "],
  ["海光", " hygon "],
  ["摩尔线程", " mthreads "],
  ["沐曦", " metax "],
  ["天数智芯", " iluvatar "],
  ["天数", " iluvatar "],
  ["天垓", " tiangai"],
  ["智铠", " zhikai"],
  ["昆仑芯", " kunlun "],
  ["昆仑", " kunlun "],
  ["燧原", " enflame "],
  ["壁仞", " biren "],
  ["壁砺", " biren "],
  ["平头哥", " thead "],
];

/** Words in names of cards that tell no model from another. */
export const emptyWords: ReadonlySet<string> = new Set([
  "gpu",
  "npu",
  "dcu",
  "gcu",
  "xpu",
  "card",
  "accelerator",
  "graphics",
  "generation",
  "edition",
  "tensor",
  "core",
  "module",
  "hbm2",
  "hbm2e",
  "hbm3",
  "hbm3e",
  "ecc",
  // A virtual workstation licence on the whole card.
  "vws",
]);
