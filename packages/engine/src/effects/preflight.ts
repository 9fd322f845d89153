import { resolveGpuName } from "@gpujob/catalog";
import { imageFor } from "@gpujob/scheduler";
import type { Failure, HostFacts, HostGpu, JobSpec, Node, Offer } from "@gpujob/spec";

/** Memory of a card may read this much below what is sold: 24 GB cards show 22.4 GiB. */
const vramTolerance = 0.07;

/**
 * Holds what was read on the machine against what was rented and asked for. A reading that differs refuses the machine
 * before anything is sent; without a vendor's tool there is no reading, and the offer's word stands with a warning.
 */
export function compareWithOffer(
  offer: Offer,
  job: Pick<JobSpec, "resources" | "image">,
  facts: HostFacts,
  node: Node | undefined,
): { readonly failure?: Failure; readonly warnings: readonly string[] } {
  const warnings: string[] = [];
  const problems: string[] = [];
  if (offer.gpu !== undefined) checkCards(offer.gpu, facts, node, problems, warnings);
  // Missing cards are bad for every job; too little disk only for this one.
  const scope = problems.length > 0 ? "host" : "offer";
  const image = imageFor(job, offer.platform);
  if (image?.startsWith("docker:") === true) problems.push(...dockerProblems(image, offer, facts));
  const wantedDisk = job.resources.diskGib?.min;
  if (wantedDisk !== undefined && facts.diskFreeGib < wantedDisk * (1 - vramTolerance)) {
    problems.push(`${facts.diskFreeGib.toFixed(1)} GiB of disk are free, ${wantedDisk} asked for`);
  }
  if (facts.inodesFree !== undefined && facts.inodesFree < leastInodes) {
    problems.push(`only ${facts.inodesFree} inodes are free on its disk`);
  }
  if (problems.length === 0) return { warnings };
  return {
    warnings,
    failure: {
      kind: "lease_failed",
      scope,
      message: `${offer.platform}: the machine is not what was offered: ${problems.join("; ")}.`,
    },
  };
}

const leastInodes = 1000;

/** Why a Docker image cannot run here, and what to do about it. */
function dockerProblems(image: string, { gpu }: Offer, facts: HostFacts): readonly string[] {
  const { docker, user, tools } = facts;
  if (docker === undefined) return [`${image} needs Docker, which is not installed there`];
  if (docker === "stopped")
    return [`${image} needs Docker, whose engine does not run there (no /var/run/docker.sock)`];
  if (docker === "forbidden") {
    return [
      `${image} needs Docker, which ${user} may not use there; add ${user} to the group docker`,
    ];
  }
  const hasCards = gpu?.vendor === "nvidia" && tools.includes("nvidia-smi");
  if (!hasCards || tools.includes("nvidia-docker")) return [];
  return [`${image} needs the NVIDIA Container Toolkit, without which Docker gives no cards`];
}

function checkCards(
  gpu: NonNullable<Offer["gpu"]>,
  facts: HostFacts,
  node: Node | undefined,
  problems: string[],
  warnings: string[],
): void {
  if (facts.gpus.length === 0) {
    warnings.push(
      `No vendor tool answered on the machine, so its ${gpu.count} × ${gpu.model} could not be checked.`,
    );
    return;
  }
  const ours =
    node?.cards === undefined
      ? facts.gpus
      : facts.gpus.filter((card) => node.cards?.includes(card.index));
  if (ours.length < gpu.count)
    problems.push(`it shows ${ours.length} cards, ${gpu.count} were offered`);
  checkModels(gpu, ours, problems, warnings);
  const small = ours.find(
    (card) => card.vramGib !== undefined && card.vramGib < gpu.vramGib * (1 - vramTolerance),
  );
  if (small !== undefined) {
    problems.push(
      `its ${small.name} has ${small.vramGib?.toFixed(1)} GiB, ${gpu.vramGib} were offered`,
    );
  }
}

/** By the catalogue, which knows a card under all its names. A name that it does not know proves nothing. */
function checkModels(
  gpu: NonNullable<Offer["gpu"]>,
  cards: readonly HostGpu[],
  problems: string[],
  warnings: string[],
): void {
  const sold = resolveGpuName(gpu.model);
  if (sold === undefined) return;
  const names = [...new Set(cards.map(({ name }) => name))];
  const other = names.find((name) => (resolveGpuName(name) ?? sold) !== sold);
  if (other !== undefined) problems.push(`it has a ${other}, ${gpu.model} was offered`);
  const strange = names.find((name) => resolveGpuName(name) === undefined);
  if (strange !== undefined)
    warnings.push(
      `The machine calls its card ${strange}, a name that the catalogue does not know, so it could not be told whether it is a ${gpu.model}.`,
    );
}
