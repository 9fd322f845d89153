/** What `init` writes; empty and absent fields are left out. */
export interface JobDraft {
  readonly name: string;
  readonly run: string;
  readonly gpu: string | undefined;
  readonly setup: string | undefined;
  readonly outputs: readonly string[];
  readonly budget: string | undefined;
  readonly time: string | undefined;
}

/** A job file as YAML; texts are quoted, so that nothing is misread. */
export function renderJobFile(job: JobDraft): readonly string[] {
  const budget = job.budget ?? "";
  const time = job.time ?? "";
  return [
    "# gpujob plan shows where this would run and what it would cost; gpujob schema job lists every key.",
    `name: ${JSON.stringify(job.name)}`,
    ...(job.gpu ? ["resources:", `  gpu: ${JSON.stringify(job.gpu)}`] : []),
    "workdir: .",
    ...(job.setup ? [`setup: ${JSON.stringify(job.setup)}`] : []),
    `run: ${JSON.stringify(job.run)}`,
    ...(job.outputs.length > 0 ? [`outputs: ${JSON.stringify(job.outputs)}`] : []),
    ...(budget === "" && time === "" ? [] : ["limits:"]),
    ...(budget === "" ? [] : [`  budget: ${JSON.stringify(budget)}`]),
    ...(time === "" ? [] : [`  time: ${time}`]),
  ];
}
