import { refuse } from "@gpujob/adapter-kit";

/** A public image of the platform. */
interface BaseImage {
  readonly alias: string;
  readonly id: string;
  /** Of the driver, at least, without its point: 118 is CUDA 11.8. */
  readonly cuda: number;
}

// The API lists no public images; ids from https://www.autodl.com/docs/esd_api_doc (2026-09) and, of the last two, from
// GPUhub, where alone they are known to work.
const images: readonly BaseImage[] = [
  { alias: "pytorch-2.0", id: "base-image-l2t43iu6uk", cuda: 118 },
  { alias: "pytorch-1.11", id: "base-image-l374uiucui", cuda: 113 },
  { alias: "pytorch-1.10", id: "base-image-u9r24vthlk", cuda: 113 },
  { alias: "pytorch-1.9", id: "base-image-12be412037", cuda: 111 },
  { alias: "tensorflow-2.9", id: "base-image-uxeklgirir", cuda: 112 },
  { alias: "tensorflow-2.5", id: "base-image-0gxqmciyth", cuda: 112 },
  { alias: "tensorflow-1.15", id: "base-image-4bpg0tt88l", cuda: 114 },
  { alias: "miniconda", id: "base-image-mbr2n4urrc", cuda: 116 },
  { alias: "tensorrt-8.5", id: "base-image-l2843iu23k", cuda: 118 },
  { alias: "pytorch-2.8", id: "base-image-ec1e9vdbd3", cuda: 128 },
  { alias: "pytorch-2.1", id: "base-image-lbdbb183fk", cuda: 118 },
];

/** For an image of the user's own, whose CUDA nobody knows: low, so that it narrows nothing. */
const unknownCuda = 113;

/**
 * The image of an alias or id.
 *
 * @throws PlatformError `unsupported_request` for any other text, with the aliases that there are.
 */
export function findImage(platform: string, text: string): { id: string; cuda: number } {
  const known = images.find(({ alias, id }) => alias === text || id === text);
  if (known !== undefined) return { id: known.id, cuda: known.cuda };
  if (/^(?:base-)?image-/.test(text)) return { id: text, cuda: unknownCuda };
  throw refuse(
    { platform, operation: "createLease" },
    {
      kind: "unsupported_request",
      scope: "platform",
      what: `there is no image ${text}`,
      hint: `Use one of ${images.map(({ alias }) => alias).join(", ")}, or an id that begins with image- or base-image-.`,
    },
  );
}
