import { chmod, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { PlatformConfig } from "@gpujob/spec";
import { GpujobError, toFailure } from "@gpujob/spec";
import { parseDocument } from "yaml";
import type { NewPlatform } from "./gpujob.ts";
import type { Workshop } from "./workshop.ts";

type Wait = { readonly signal: AbortSignal };

const nameShape = /^[a-z0-9][a-z0-9-]{0,39}$/;

/**
 * Adds a platform to the user's configuration, keeping its comments, after the platform has answered once with what was
 * given. Secrets go into files closed to others, and the configuration refers to them. Throws what the platform says, and
 * then nothing is written.
 */
export async function addPlatform(
  workshop: Workshop,
  added: NewPlatform,
  wait: Wait,
): Promise<{ readonly offers: number }> {
  if (!nameShape.test(added.name)) {
    throw new GpujobError("usage", `A platform can't be called ${JSON.stringify(added.name)}.`, {
      hint: "Use lower-case letters, digits and hyphens, such as lab or autodl.",
    });
  }
  const existing = (await workshop.setUp()).configuration.config.platforms;
  if (existing.some((each) => each.name === added.name)) {
    throw new GpujobError("usage", `There is a platform ${added.name} already.`, {
      hint: `Take another name, or remove it first: gpujob platforms remove ${added.name}`,
    });
  }
  const references = await writeSecrets(workshop, added);
  try {
    const settings = { ...readSettings(added.settings), ...references };
    const offers = await tryPlatform(
      workshop,
      { name: added.name, adapter: added.adapter, settings },
      wait,
    );
    await editConfiguration(workshop, (document) => {
      document.setIn(
        ["platforms", added.name],
        document.createNode({ adapter: added.adapter, ...settings }),
      );
    });
    return { offers };
  } catch (error) {
    await removeSecrets(workshop, added.name);
    throw error;
  }
}

/** Takes a platform out of the user's configuration, with its secrets. Refused while a machine of it may bill. */
export async function removePlatform(workshop: Workshop, name: string): Promise<void> {
  const open = await (await workshop.store()).listLeases({ open: true });
  const inUse = open.filter((lease) => lease.platform === name && lease.release === "api");
  if (inUse.length > 0) {
    throw new GpujobError("usage", `${name} has ${inUse.length} machines that may still bill.`, {
      hint: "gpujob audit shows them; remove the platform when they are gone.",
    });
  }
  await editConfiguration(workshop, (document) => {
    if (document.hasIn(["platforms", name])) return void document.deleteIn(["platforms", name]);
    throw new GpujobError("usage", `There is no platform ${name} in ${configPath(workshop)}.`, {
      hint: "gpujob platforms shows which file each one comes from.",
    });
  });
  await removeSecrets(workshop, name);
}

function readSettings(texts: Readonly<Record<string, string>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(texts).map(([key, text]) => {
      const document = parseDocument(text);
      const [problem] = document.errors;
      if (problem === undefined) return [key, document.toJS() as unknown];
      throw new GpujobError("usage", `${key}: ${problem.message.split("\n")[0]}`, {
        hint: "Write the value as it stands in the configuration.",
      });
    }),
  );
}

async function tryPlatform(
  workshop: Workshop,
  added: Pick<PlatformConfig, "name" | "adapter" | "settings">,
  wait: Wait,
): Promise<number> {
  const entry: PlatformConfig = { ...added, timeouts: {}, origin: `platforms.${added.name}` };
  const { platforms } = await workshop.setUp({ extra: [entry] });
  const { platform } = await platforms.get(added.name);
  try {
    return (await platform.listOffers({}, wait)).length;
  } catch (error) {
    const { kind, message, hint } = toFailure(error);
    throw new GpujobError(kind, `${added.name} was not added: ${message}`, {
      hint: hint ?? "Mend it and add the platform again; nothing was written.",
      cause: error,
    });
  }
}

function configPath({ around }: Workshop): string {
  return join(around.home, "config.yaml");
}

async function editConfiguration(
  workshop: Workshop,
  edit: (document: ReturnType<typeof parseDocument>) => void,
): Promise<void> {
  const path = configPath(workshop);
  const text = await readFile(path, "utf8").catch(() => "");
  const document = parseDocument(text);
  edit(document);
  await mkdir(workshop.around.home, { recursive: true, mode: 0o700 });
  const draft = `${path}.new`;
  await writeFile(draft, document.toString(), { mode: 0o600, flush: true });
  await rename(draft, path);
}

function secretPath({ around }: Workshop, name: string, key: string): string {
  return join(around.home, "secrets", name, key);
}

async function writeSecrets(
  workshop: Workshop,
  added: NewPlatform,
): Promise<Record<string, { readonly file: string }>> {
  const references: Record<string, { readonly file: string }> = {};
  for (const [key, value] of Object.entries(added.secrets)) {
    if (!/^[A-Za-z0-9_-]+$/.test(key))
      throw new GpujobError("usage", `${key} is no name for a secret.`);
    const path = secretPath(workshop, added.name, key);
    await mkdir(join(path, ".."), { recursive: true, mode: 0o700 });
    await writeFile(path, `${value}\n`, { mode: 0o600, flush: true });
    await chmod(path, 0o600);
    references[key] = { file: path };
  }
  return references;
}

async function removeSecrets({ around }: Workshop, name: string): Promise<void> {
  if (nameShape.test(name))
    await rm(join(around.home, "secrets", name), { recursive: true, force: true });
}
