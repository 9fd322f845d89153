import { unpackOwnership } from "@gpujob/adapter-kit";
import type { Lease, LeaseState, Node } from "@gpujob/spec";
import { Secret } from "@gpujob/spec";
import { toMoney } from "./api.ts";
import type { Machine } from "./machine-api.ts";

/** https://www.compshare.cn/docs (2026-06); an empty state means that the platform does not know. */
const states: Readonly<Record<string, LeaseState>> = {
  Initializing: "pending",
  Starting: "pending",
  Rebooting: "pending",
  Resizing: "pending",
  Running: "up",
  Stopping: "releasing",
  Stopped: "stopped",
  "Install Fail": "failed",
};

/** A machine as a lease. Nobody stops a spot machine but the platform: one that is stopped was taken back. */
export function toLease(machine: Machine): Lease {
  const { UHostId, Name, Remark, State, ChargeType } = machine;
  const ownership = unpackOwnership(Name ?? "");
  const leaseKey = /^[a-z0-9]{32}$/.exec(Remark ?? "")?.[0];
  const node = toNode(machine);
  const { access: _access, ...hidden } = node;
  const isTaken = ChargeType === "Spot" && State === "Stopped";
  const told = isTaken ? "failed" : (states[State] ?? "pending");
  // Without an address and a password it cannot be used yet, whatever its state says.
  const state = told === "up" && node.access === undefined ? "pending" : told;
  const reason = reasonOf(machine, isTaken);
  const hourly = (machine.InstancePrice ?? 0) + (machine.CompShareImagePrice ?? 0);
  return {
    leaseId: UHostId,
    ...(leaseKey === undefined ? {} : { leaseKey }),
    ...(ownership === undefined ? {} : { ownership }),
    state,
    // What bills on while stopped is listed; by default nothing does.
    isBillable: State !== "Stopped" || (machine.PostPayPowerOffBillingResource ?? []).length > 0,
    ...(hourly === 0 ? {} : { pricePerHour: toMoney(hourly) }),
    ...(machine.CreateTime === undefined ? {} : { startedAt: machine.CreateTime }),
    ...(reason === undefined ? {} : { reason }),
    nodes: [state === "up" ? node : hidden],
  };
}

function reasonOf({ State, ReleaseTime }: Machine, isTaken: boolean): string | undefined {
  if (State === "Install Fail") return "its image could not be installed";
  if (State !== "Stopped") return undefined;
  const until = ReleaseTime === undefined ? "after 7 days" : `on ${ReleaseTime.slice(0, 10)}`;
  return isTaken
    ? `the platform took the spot machine back; it deletes its disk ${until}`
    : `it is stopped; the platform deletes it ${until}`;
}

/** Containers are reached as root on port 23, virtual machines as ubuntu on port 22: the command says which. */
function toNode({ UHostId, SshLoginCommand, Password }: Machine): Node {
  const common = { nodeId: UHostId, rank: 0 };
  if (SshLoginCommand === undefined || !Password) return common;
  const { host, port = 22, user = "root" } = SshLoginCommand;
  const password = new Secret(Buffer.from(Password, "base64").toString("utf8"));
  return {
    ...common,
    access: {
      kind: "ssh",
      host,
      port,
      user,
      auth: { kind: "password", password },
      hostKeyPolicy: "first-use",
      mayInstallKey: true,
    },
  };
}
