import type { JobSpec } from "@gpujob/spec";

/** `GPUJOB_DATA_NAME` of each data set that a job names: the folder where the platform has it already, else empty. */
export function dataEnvironment(
  { data = [] }: Pick<JobSpec, "data">,
  platform: string,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    data.map(({ name, at }) => {
      const variable = `GPUJOB_DATA_${name.toUpperCase().replaceAll(/[^A-Z0-9]/g, "_")}`;
      return [variable, Object.hasOwn(at, platform) ? (at[platform] ?? "") : ""];
    }),
  );
}
