import { access, constants, statfs } from "node:fs/promises";
import { toFailure } from "@gpujob/spec";
import type { Failure, Offer } from "@gpujob/spec";
import { formatBytes, formatMoney } from "@gpujob/spec";
import type { Exclusion } from "@gpujob/scheduler";
import { forgiveAvoided, listAvoided } from "./avoided.ts";
import type { DoctorCheck } from "./gpujob.ts";
import type { ConfiguredPlatform } from "./platforms.ts";
import { findSilent } from "./collect-offers.ts";
import { findReferences, resolveSecret } from "./secrets.ts";
import type { Surroundings } from "./surroundings.ts";
import type { Workshop } from "./workshop.ts";

type Wait = { readonly signal: AbortSignal };
type Finding = Omit<DoctorCheck, "subject" | "name">;

const leastFreeBytes = 1024 ** 3;
const checkDeadlineMs = 20_000;

/** Looks at this machine, the configuration and each platform, and says what to do about what is wrong. */
export async function runDoctor(
  workshop: Workshop,
  options: { readonly platform?: string; readonly isForgiving?: boolean },
  wait: Wait,
): Promise<readonly DoctorCheck[]> {
  const { around } = workshop;
  const forgiven =
    options.isForgiving === true
      ? await forgiveAvoided(await workshop.store(), around.clock.now(), options.platform)
      : undefined;
  const here = options.platform === undefined ? await checkHere(workshop) : [];
  const { platforms, configuration } = await workshop.setUp();
  const installation = await workshop.installation(configuration);
  const avoided = await listAvoided(around, workshop.store);
  const names = configuration.config.platforms.map((each) => each.name);
  const wanted = options.platform === undefined ? names : [options.platform];
  const found = await Promise.all(
    wanted.map(async (name) => {
      const target = await platforms.get(name).catch((error: unknown) => toFailure(error));
      if ("kind" in target) return [check(name, "configuration", failed(target))];
      const checks = await checkPlatform(target, { around, installation, ...wait });
      return [...checks, ...avoided.filter((each) => each.platform === name).map(sayAvoided)];
    }),
  );
  const forgot = forgiven === undefined ? [] : [sayForgiven(forgiven)];
  return [...here, ...forgot, ...found.flat()];
}

/** One host that later runs avoid, and how to end that. */
function sayAvoided({ platform, offerId, untilMs, reason }: Exclusion): DoctorCheck {
  const until = `${new Date(untilMs).toISOString().slice(0, 19)}Z`;
  return check(platform, "avoided", {
    state: "warning",
    message: `${offerId ?? "All of it"} is avoided until ${until}: ${reason}`,
    hint: `gpujob doctor ${platform} --forgive ends this before its time.`,
  });
}

function sayForgiven(count: number): DoctorCheck {
  const message = count === 0 ? "No host was avoided." : `${count} avoided before; not any more.`;
  return check("home", "avoided", ok(message));
}

async function checkHere(workshop: Workshop): Promise<readonly DoctorCheck[]> {
  const { around } = workshop;
  return Promise.all([
    attempt("home", "state", async () => {
      const store = await workshop.store();
      await access(around.home, constants.W_OK);
      return ok(`${around.home} can be written; store ${store.storeId}.`);
    }),
    attempt("home", "disk", async () => {
      const { bavail, bsize } = await statfs(around.home);
      const free = bavail * bsize;
      if (free >= leastFreeBytes) return ok(`${formatBytes(free)} are free.`);
      return {
        state: "warning",
        message: `Only ${formatBytes(free)} are free.`,
        hint: "gpujob prune removes old runs.",
      };
    }),
    attempt("home", "ssh key", async () =>
      ok(`Our key: ${(await (await workshop.access()).publicKey()).slice(0, 40)}…`),
    ),
    attempt("home", "proxy", async () => {
      const names = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY"];
      const set = names.filter((name) => (around.environment[name] ?? "") !== "");
      return ok(
        set.length === 0
          ? "No proxy is set."
          : `${set.join(", ")} ${set.length === 1 ? "is" : "are"} used, never for this machine itself.`,
      );
    }),
  ]);
}

async function checkPlatform(
  target: ConfiguredPlatform,
  options: { readonly around: Surroundings; readonly installation: string } & Wait,
): Promise<readonly DoctorCheck[]> {
  const { around, signal } = options;
  const limit = AbortSignal.any([signal, AbortSignal.timeout(checkDeadlineMs)]);
  const { platform, capabilities, name } = target;
  const offers = platform.listOffers({}, { signal: limit });
  const checks = [
    attempt(name, "credentials", async () => {
      const references = findReferences(target.config.settings);
      for (const reference of references) await resolveSecret(reference, around);
      return references.length === 0
        ? { state: "skipped", message: "None are needed." }
        : ok(`${references.length} can be read.`);
    }),
    attempt(name, "offers", async () => {
      const all = await offers;
      const free = all.filter((offer) => offer.availability !== "none" && offer.availability !== 0);
      if (free.length > 0) return ok(`${free.length} of ${all.length} offers can be rented now.`);
      return {
        state: "warning",
        message: `None of ${all.length} offers can be rented now.`,
        hint: "Wait with queue: 6h in the job file.",
      };
    }),
    attempt(name, "our machines", async () => {
      const leases = await platform.listLeases(
        { installation: options.installation },
        { signal: limit },
      );
      return ok(leases.length === 0 ? "None." : `${leases.length}; gpujob audit shows them.`);
    }),
    ...(capabilities.balance && platform.getBalance !== undefined
      ? [
          attempt(name, "balance", async () => {
            const balance = await platform.getBalance?.({ signal: limit });
            return balance === undefined
              ? { state: "skipped" as const, message: "Not told." }
              : ok(formatMoney(balance));
          }),
        ]
      : []),
  ];
  return [...(await Promise.all(checks)), ...(await checkSilent(name, offers))];
}

/** Machines of the platform that do not answer, each with what to do about it. */
async function checkSilent(
  name: string,
  offers: Promise<readonly Offer[]>,
): Promise<readonly DoctorCheck[]> {
  const silent = findSilent(await offers.catch(() => []));
  return silent.map((failure) => check(name, "host", failed(failure)));
}

async function attempt(
  subject: string,
  name: string,
  action: () => Promise<Finding>,
): Promise<DoctorCheck> {
  try {
    return check(subject, name, await action());
  } catch (error) {
    return check(subject, name, failed(toFailure(error)));
  }
}

function check(subject: string, name: string, finding: Finding): DoctorCheck {
  return { subject, name, ...finding };
}

function ok(message: string): Finding {
  return { state: "ok", message };
}

function failed({ message, hint }: Failure): Finding {
  return { state: "failed", message, ...(hint === undefined ? {} : { hint }) };
}
