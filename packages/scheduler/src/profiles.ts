import { type ProfileName, profileNames, type RankDimension } from "@gpujob/spec";

/** What an offer must have to be looked at under a profile at all. */
export interface ProfileDemands {
  /** An accelerator that counts as domestic. */
  readonly isDomestic?: true;
  /** A platform that is known to sell under contracts and certificates, or a machine of one's own. */
  readonly isCertified?: true;
  /** Cards of a node that do not talk over PCIe alone; nodes that talk over RDMA. */
  readonly hasFastLinks?: true;
}

/** A way to rank offers for one kind of user. */
export interface Profile {
  readonly name: ProfileName;
  /** For whom, in a few words. */
  readonly title: string;
  /** Points that each dimension gives at most; 100 together. Those left out give none. */
  readonly weights: Readonly<Partial<Record<RankDimension, number>>>;
  readonly demands: ProfileDemands;
}

/** Every profile but `cheapest`, which ranks by money alone and weighs nothing. */
const weighing = {
  student: {
    title: "a student or a short experiment on little money",
    weights: { ease: 45, price: 30, availability: 10, support: 10, stability: 5 },
    demands: {},
  },
  university: {
    title: "long fine-tuning at a university",
    weights: { price: 50, ease: 20, stability: 15, support: 10, availability: 5 },
    demands: {},
  },
  "start-up": {
    title: "a team that lives by its models",
    weights: { ease: 30, stability: 25, availability: 20, price: 15, support: 10 },
    demands: {},
  },
  enterprise: {
    title: "a company with rules to follow",
    weights: { stability: 40, support: 25, availability: 15, ease: 10, price: 10 },
    demands: { isCertified: true },
  },
  "domestic-only": {
    title: "work that must run on domestic accelerators",
    weights: { domestic: 40, stability: 20, support: 15, availability: 15, price: 10 },
    demands: { isDomestic: true },
  },
  "large-multi-gpu": {
    title: "training on many cards at once",
    weights: { stability: 35, availability: 30, price: 20, support: 15 },
    demands: { hasFastLinks: true },
  },
  backup: {
    title: "a time when nothing else has stock",
    weights: { availability: 60, price: 20, ease: 10, stability: 10 },
    demands: {},
  },
} as const satisfies Record<Exclude<ProfileName, "cheapest">, Omit<Profile, "name">>;

/**
 * The profile of a name; `undefined` for `cheapest`, and for a name that is not known, which only a job of another
 * version of this program can have: it is ranked by price as well.
 */
export function findProfile(name: string): Profile | undefined {
  const known = profileNames.find((each) => each === name);
  if (known === undefined || known === "cheapest") return undefined;
  return { name: known, ...weighing[known] };
}
