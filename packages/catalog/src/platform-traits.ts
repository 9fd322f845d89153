/** One judgement on a platform, with its ground in a few words. */
export interface Judgement {
  /** From 0 to 1. For stock and stability: the share of asks, and of rented machines, that are expected to go well. */
  readonly share: number;
  readonly why: string;
}

/** What people say of a platform beside its prices: where profiles begin, until own experience says more. */
export interface PlatformTraits {
  /** An adapter's id, or the first part of a price sheet's. */
  readonly id: string;
  readonly title: string;
  /** Does it sell under contracts and certificates that companies and authorities ask for? */
  readonly isCertified: boolean;
  /** Is there a machine when one is asked for? */
  readonly stock: Judgement;
  /** Does it stay until it is given back? */
  readonly stability: Judgement;
  /** Images, frameworks, data sets: how soon does a newcomer's job run? */
  readonly ease: Judgement;
  /** Help at night, discounts for students and companies, invoices. */
  readonly support: Judgement;
  /** Where its domestic accelerators stand among others; absent: nobody says. */
  readonly domestic?: Judgement;
  readonly source: string;
  /** ISO-8601 date; the first of the year where only the year is known. */
  readonly observedAt: string;
}

/** What is reckoned with at a platform that nobody speaks of. */
export const neutralTraits = {
  isCertified: false,
  stock: { share: 0.85, why: "nothing is known of the platform" },
  stability: { share: 0.95, why: "nothing is known of the platform" },
  ease: { share: 0.5, why: "nobody says" },
  support: { share: 0.5, why: "nobody says" },
} as const satisfies Partial<PlatformTraits>;

// Judgements of one author, put into numbers by us: good enough to begin with, never shown as a fact of today.
const guide = {
  source: "a buyer's guide to renting GPUs in mainland China, of 2026",
  observedAt: "2026-01-01",
} as const;

const bigCloud = {
  isCertified: true,
  stock: { share: 0.85, why: "a big cloud; high-end cards must be booked at peak times" },
  stability: { share: 0.995, why: "a big cloud, the steadiest in measurements" },
  ease: { share: 0.55, why: "much to set up before the first job" },
  support: { share: 0.95, why: "people at any hour, contracts and certificates" },
  ...guide,
} as const;

const specialist = {
  isCertified: false,
  stability: { share: 0.95, why: "a retail platform, good for work that may be repeated" },
  support: { share: 0.6, why: "little for companies" },
  ...guide,
} as const;

const traits: readonly PlatformTraits[] = [
  { ...bigCloud, id: "aliyun", title: "Alibaba Cloud" },
  { ...bigCloud, id: "tencent", title: "Tencent Cloud" },
  {
    ...bigCloud,
    id: "huawei",
    title: "Huawei Cloud",
    stock: { share: 0.9, why: "a big cloud with Ascend 910 in stock" },
    domestic: { share: 1, why: "the most mature of all: Ascend by its own maker" },
  },
  { ...bigCloud, id: "baidu", title: "Baidu AI Cloud" },
  { ...bigCloud, id: "volcengine", title: "Volcengine" },
  {
    ...bigCloud,
    id: "aws-ec2",
    title: "Amazon EC2",
    source: "it is a big cloud as the others are",
    observedAt: "2026-11-24",
  },
  {
    ...specialist,
    id: "autodl",
    title: "AutoDL",
    stock: { share: 0.9, why: "more than 10,000 cards" },
    stability: { share: 0.97, why: "a retail platform that many teams work on" },
    ease: { share: 1, why: "the most images and the largest community" },
    support: { share: 0.75, why: "cheaper for members and students, many to ask" },
    domestic: { share: 0.6, why: "some domestic cards; try the framework first" },
  },
  {
    ...specialist,
    id: "mornai",
    title: "MornAI",
    stock: { share: 0.96, why: "often has cards when the big platforms have none" },
    stability: { share: 0.965, why: "a retail platform that small teams work on" },
    ease: { share: 0.9, why: "many images, with models and data sets built in" },
    support: { share: 0.7, why: "large discounts for longer terms" },
  },
  {
    ...specialist,
    id: "gpushare",
    title: "Gpushare",
    stock: { share: 0.88, why: "cards are easy to get" },
    ease: { share: 0.85, why: "many images" },
    support: { share: 0.65, why: "cheaper for students" },
  },
  {
    ...specialist,
    id: "gpugeek",
    title: "GpuGeek",
    stock: { share: 0.96, why: "often has cards when the big platforms have none" },
    ease: { share: 0.75, why: "public data sets and models, fewer images" },
  },
  {
    ...specialist,
    id: "compshare",
    title: "Compshare",
    stock: { share: 0.85, why: "nobody compares it" },
    ease: { share: 0.75, why: "images of a community, public models" },
    source: "its own documentation, judged like the others",
    observedAt: "2026-11-01",
  },
  {
    id: "ssh-host",
    title: "machines of your own",
    isCertified: true,
    stock: { share: 0.95, why: "yours, unless somebody else is on it" },
    stability: { share: 0.97, why: "yours" },
    ease: { share: 0.9, why: "set up by you already" },
    support: { share: 0.5, why: "you are who can help" },
    source: "they are yours",
    observedAt: "2026-11-24",
  },
];

/** What people say of a platform, by the id of its adapter or of its price sheets; `undefined` where nobody does. */
export function findPlatformTraits(id: string): PlatformTraits | undefined {
  return traits.find((each) => each.id === id.toLowerCase());
}

/** Accelerators that count as domestic, and how far frameworks work on them. */
const domesticCards: Readonly<Record<string, Judgement>> = {
  ascend: { share: 1, why: "Ascend is the most mature domestic card" },
  hygon: { share: 0.5, why: "Hygon works in part: try it first" },
  biren: { share: 0.4, why: "Biren is new: try the framework first" },
};
const otherDomestic: Judgement = { share: 0.4, why: "try the framework first" };

/** How far frameworks work on a domestic vendor's cards, as the same guide says. */
export function domesticMaturity(vendor: string): Judgement {
  return Object.hasOwn(domesticCards, vendor)
    ? (domesticCards[vendor] ?? otherDomestic)
    : otherDomestic;
}
