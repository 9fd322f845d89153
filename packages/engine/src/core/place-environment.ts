import type { JobSpec, Offer } from "@gpujob/spec";

type Variables = Readonly<Record<string, string>>;

/** Names under which jobs carry a token of Hugging Face. */
const huggingFaceTokens = ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"];

/**
 * The variables that a job gets from the place it runs at, such as mirrors, by name. Left out is what the job sets itself,
 * and a mirror of Hugging Face where the job has a token for it, which that mirror is not to see.
 */
export function placeEnvironment(
  job: Pick<JobSpec, "mirrors" | "environment" | "secrets">,
  { environment = {} }: Pick<Offer, "environment">,
): Variables {
  if (job.mirrors === "none") return {};
  const own = [...Object.keys(job.environment), ...Object.keys(job.secrets)];
  const hasToken = huggingFaceTokens.some((name) => own.includes(name));
  // Git counts its variables: half of them would be an error.
  const hasGit = own.some((name) => name.startsWith("GIT_CONFIG_"));
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) => {
      if (own.includes(name)) return false;
      return !(name === "HF_ENDPOINT" && hasToken) && !(name.startsWith("GIT_CONFIG_") && hasGit);
    }),
  );
}
