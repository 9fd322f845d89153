import { isAbsolute, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { AdapterDefinition } from "@gpujob/spec";
import { contractVersion, GpujobError } from "@gpujob/spec";

/** What an adapter package exports. */
interface AdapterModule {
  readonly default: AdapterDefinition;
}

/** One line per adapter that comes with gpujob; each is loaded when a platform asks for it. */
const adapters: Readonly<Record<string, () => Promise<AdapterModule>>> = {
  aliyun: () => import("@gpujob/adapter-aliyun"),
  autodl: () => import("@gpujob/adapter-autodl"),
  "aws-ec2": () => import("@gpujob/adapter-aws-ec2"),
  compshare: () => import("@gpujob/adapter-compshare"),
  mock: () => import("@gpujob/adapter-mock"),
  rented: () => import("@gpujob/adapter-rented"),
  gpugeek: () => import("@gpujob/adapter-gpugeek"),
  "ssh-host": () => import("@gpujob/adapter-ssh-host"),
};

const adapterNames: readonly string[] = Object.keys(adapters);

/**
 * The adapter of a name: one of ours, else a package or a path (relative to the configuration that names it).
 * Throws `config_invalid` when there is none, or when it was written for another contract.
 */
export async function loadAdapter(name: string, origin: string): Promise<AdapterDefinition> {
  const known = adapters[name];
  const module = known === undefined ? await loadForeign(name, origin) : await known();
  if (module.default.contractVersion !== contractVersion) {
    throw new GpujobError(
      "config_invalid",
      `The adapter ${name} speaks contract version ${module.default.contractVersion}, this gpujob ${contractVersion}.`,
      { hint: "Install versions of gpujob and the adapter that fit." },
    );
  }
  return module.default;
}

async function loadForeign(name: string, origin: string): Promise<AdapterModule> {
  const isPath = name.startsWith(".") || isAbsolute(name);
  const specifier = isPath ? pathToFileURL(resolve(origin, "..", name)).href : name;
  let module: unknown;
  try {
    module = await import(specifier);
  } catch (cause) {
    const hint = `The adapters that come with gpujob are ${adapterNames.join(", ")}; others are named by package or path.`;
    throw new GpujobError("config_invalid", `${origin}: there is no adapter ${name}.`, {
      hint,
      cause,
    });
  }
  if (!isAdapterModule(module)) {
    throw new GpujobError("config_invalid", `${origin}: ${name} is not an adapter.`, {
      hint: "An adapter package exports the result of defineAdapter as its default.",
    });
  }
  return module;
}

function isAdapterModule(module: unknown): module is AdapterModule {
  if (typeof module !== "object" || module === null || !("default" in module)) return false;
  const definition = module.default;
  return (
    typeof definition === "object" &&
    definition !== null &&
    "create" in definition &&
    "configSchema" in definition
  );
}
