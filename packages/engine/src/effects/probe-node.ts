import { judgeProbe } from "@gpujob/scheduler";
import type {
  Failure,
  HostFacts,
  HostProbe,
  HostSession,
  JobSpec,
  Node,
  Offer,
} from "@gpujob/spec";
import { placeEnvironment } from "../core/place-environment.ts";
import { noteProbe, readUsualRates } from "./probe-samples.ts";
import type { MemberRef, Work } from "./work.ts";
import { lookUp } from "./work.ts";

/** What a probe led to; neither: the job asked for none. */
export interface Probed {
  /** The machine is given back and avoided. */
  readonly failure?: Failure;
  /** What was measured, and what could not be. */
  readonly notes: readonly string[];
  readonly probe?: HostProbe;
}

/** A large public file below a mirror of Hugging Face, of which some seconds are fetched. */
const mirrorFile = "bert-base-uncased/resolve/main/pytorch_model.bin";

/** `probe: quick`: measures the machine and holds that against what was sold and what is usual. Leaves nothing behind. */
export async function probeNode(
  work: Work,
  ref: MemberRef,
  { host, facts, node }: { host: HostSession; facts: HostFacts; node: Node | undefined },
): Promise<Probed> {
  const { session, signal } = work;
  const { submission, ports } = session;
  const { job } = submission;
  // A machine that was kept for this run has shown what it does.
  const isTakenOver = submission.on !== undefined && ref.attempt === 1;
  if (job.probe === undefined || isTakenOver) return { notes: [] };
  if (host.probe === undefined)
    return { notes: ["Not measured: machines of this kind cannot be."] };
  const { offer } = lookUp(work, ref).attempt.candidate;
  const downloads = downloadsFor(job, offer);
  const seconds = probeSeconds(offer, downloads.length);
  const progress = { type: "progress", attempt: ref.attempt, progress: null } as const;
  ports.observe({ ...progress, what: "probe" });
  const cards = node?.cards === undefined ? {} : { cards: node.cards };
  const probe = await host.probe({ signal, seconds, downloads, ...cards });
  const usual = offer.gpu === undefined ? {} : await readUsualRates(ports.store, offer.gpu);
  const { problems, notes } = judgeProbe(probe, offer, usual);
  if (offer.gpu !== undefined)
    await noteProbe(ports.store, offer.gpu, probe, {
      machineId: facts.machineId,
      at: ports.clock.now(),
    });
  if (problems.length === 0) return { notes, probe };
  const message = `${offer.platform}: the machine does not do what was sold: ${problems.join("; ")}.`;
  return { notes, probe, failure: { kind: "lease_failed", scope: "host", message } };
}

/** By what there is to measure: between one minute and two. */
function probeSeconds({ gpu }: Offer, downloads: number): number {
  return Math.min(120, 60 + ((gpu?.count ?? 0) > 1 ? 25 : 0) + 10 * downloads);
}

function downloadsFor(
  job: JobSpec,
  offer: Offer,
): readonly { readonly name: string; readonly url: string }[] {
  const mirror = placeEnvironment(job, offer)["HF_ENDPOINT"];
  if (mirror === undefined || !/^https?:\/\/[\w.:/-]+$/.test(mirror)) return [];
  return [{ name: "HF_ENDPOINT", url: `${mirror.replace(/\/$/, "")}/${mirrorFile}` }];
}
