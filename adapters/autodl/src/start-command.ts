import type { AdapterContext, LeaseRequest } from "@gpujob/spec";
import type { AutodlConfig } from "./config.ts";

/** Whole seconds until the machine has no reason to exist any more; at least one minute. */
export function secondsLeft({ ownership }: LeaseRequest, { clock }: AdapterContext): number {
  return Math.max(60, Math.ceil(ownership.expires - clock.now() / 1000));
}

/** Puts the platform's proxy into every login shell: the jobs' shells are such. */
export function accelerationCommand({ networkAcceleration }: AutodlConfig): string {
  const line = "[ ! -r /etc/network_turbo ] || . /etc/network_turbo";
  return networkAcceleration ? `echo '${line}' > /etc/profile.d/gpujob-network.sh; ` : "";
}

/**
 * Runs at each boot of a Pro instance. The machine switches itself off once its time is over, as the API has no end
 * timer: `shutdown` of the platform's images ends the bill.
 */
export function startCommand(
  request: LeaseRequest,
  config: AutodlConfig,
  context: AdapterContext,
): string {
  const end = `sleep ${secondsLeft(request, context)}; /usr/bin/shutdown`;
  return `${accelerationCommand(config)}nohup sh -c '${end}' > /dev/null 2>&1 &`;
}
