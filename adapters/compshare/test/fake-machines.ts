import type { TestAnswer } from "@gpujob/adapter-kit/testing";
import type { Fields } from "./fake-wire.ts";
import { good, refuse, sizes, spotTypes, types, whole, zones } from "./fake-wire.ts";

export interface FakeSsh {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

/** What was metered of one machine. */
export interface FakeBill {
  readonly id: string;
  /** CNY per hour. */
  readonly price: number;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  readonly stoppedAt?: number;
}

interface Machine {
  readonly id: string;
  readonly name: string;
  readonly remark: string;
  readonly zone: string;
  readonly charge: string;
  readonly isContainer: boolean;
  readonly price: number;
  readonly createdAt: number;
  readonly diskGb: number;
  state: string;
  looks: number;
  hidden: number;
  stopAt?: number;
  stoppedAt?: number;
}

export interface FakeMachines {
  readonly priceOf: (form: Fields, charge: string) => number | undefined;
  readonly create: (form: Fields) => TestAnswer;
  readonly describe: (form: Fields) => TestAnswer;
  readonly stop: (form: Fields) => TestAnswer;
  readonly terminate: (form: Fields) => TestAnswer;
  readonly schedule: (form: Fields) => TestAnswer;
  readonly billing: () => string[];
  readonly bills: () => readonly FakeBill[];
  readonly list: () => readonly {
    readonly id: string;
    readonly state: string;
    readonly charge: string;
    readonly stopAt?: number;
  }[];
  readonly reprice: (factor: number) => void;
  readonly damage: () => void;
  readonly ignoreNext: () => void;
  readonly hideNext: (reads: number) => void;
  readonly reclaim: (id: string) => void;
}

const dayMs = 24 * 3_600_000;

/** What a machine becomes by itself. */
const next: Readonly<Record<string, string>> = {
  Initializing: "Starting",
  Starting: "Running",
  Stopping: "Stopped",
  Deleting: "gone",
};

const free = new Set(["Stopped", "Deleting", "gone"]);

/** The documentation has no state for a machine that is being deleted: it shows its last one until it is gone. */
function lastState({ charge }: Machine): string {
  return charge === "Spot" ? "Stopping" : "Stopped";
}

/** The machines of the fake account. */
export function createFakeMachines(world: {
  readonly now: () => number;
  readonly looks: number;
  readonly ssh: FakeSsh | undefined;
}): FakeMachines {
  const machines = new Map<string, Machine>();
  const hands = { factor: 1, isDamaging: false, isIgnoring: false, hidden: 0 };
  const { now } = world;

  function priceOf(form: Fields, charge: string): number | undefined {
    const type = types.find(({ name }) => name === form["GpuType"]);
    const size = type && sizes(type).find(({ gpu }) => gpu === whole(form["GPU"]));
    if (type === undefined || size === undefined) return undefined;
    // Memory is MB here: a figure in GB is no size that there is.
    if (whole(form["Memory"]) !== size.memory * 1024 || whole(form["CPU"]) !== size.cpu) {
      return undefined;
    }
    const factor = (charge === "Spot" ? 0.7 : 1) * hands.factor;
    return Math.round(type.price * size.gpu * factor * 100) / 100;
  }

  function change(one: Machine, state: string): void {
    if (!free.has(one.state) && free.has(state)) one.stoppedAt = now();
    one.state = state;
    one.looks = world.looks;
  }

  /** Reading a machine moves it on; timers and the seven days of a stopped one count by the platform's time. */
  function look(one: Machine): Machine {
    if (one.stopAt !== undefined && now() >= one.stopAt && !free.has(one.state)) {
      change(one, "Stopped");
    }
    if (one.state === "Stopped" && now() - (one.stoppedAt ?? now()) > 7 * dayMs)
      change(one, "gone");
    const later = next[one.state];
    if (later !== undefined && one.looks-- <= 0) change(one, later);
    return one;
  }

  function create(form: Fields): TestAnswer {
    const charge = form["ChargeType"] ?? "Month";
    const price = priceOf(form, charge);
    const type = types.find(({ name }) => name === form["GpuType"]);
    const zone = zones.find(
      ({ Zone, Region }) => Zone === form["Zone"] && Region === form["Region"],
    );
    if (price === undefined || type === undefined)
      return refuse(230, "Params [GpuType] not available");
    if (zone === undefined) return refuse(230, "Params [Zone] not available");
    if (!(form["CompShareImageId"] ?? "").startsWith("compshareImage-")) {
      return refuse(230, "Params [CompShareImageId] not available");
    }
    const diskGb = whole(form["Disks.0.Size"]);
    if (form["Disks.0.IsBoot"] !== "true" || !(diskGb >= 20))
      return refuse(230, "Params [Disks] missing");
    if (charge === "Spot" && !spotTypes.has(type.name))
      return refuse(230, "Params [ChargeType] not available");
    if ((form["Name"] ?? "").length > 63) return refuse(230, "Params [Name] not available");
    if (type.status !== "Normal") return refuse(226604, "资源不足，请稍后重试");
    const id = `uhost-${(machines.size + 1).toString(36).padStart(8, "0")}`;
    const name = form["Name"] ?? "";
    machines.set(id, {
      id,
      name: hands.isDamaging ? name.slice(0, 14) : name,
      remark: form["Remark"] ?? "",
      zone: zone.Zone,
      charge,
      isContainer: form["CompShareImageId"] !== "compshareImage-ubuntu",
      price,
      createdAt: now(),
      diskGb,
      state: "Initializing",
      looks: world.looks,
      hidden: hands.hidden,
    });
    Object.assign(hands, { factor: 1, isDamaging: false, hidden: 0 });
    return good({ UHostIds: [id], Warning: [] });
  }

  function toRow(one: Machine): object {
    const isUp = one.state === "Running";
    const own = one.isContainer ? { user: "root", port: 23 } : { user: "ubuntu", port: 22 };
    const ssh = world.ssh ?? { host: "192.0.2.7", password: `password of ${one.id}`, ...own };
    return {
      UHostId: one.id,
      Name: one.name,
      Remark: one.remark,
      Zone: one.zone,
      State: one.state === "Deleting" ? lastState(one) : one.state,
      ChargeType: one.charge,
      InstanceType: one.isContainer ? "Container" : "UHost",
      SshLoginCommand: isUp ? `ssh -p ${ssh.port} ${ssh.user}@${ssh.host}` : "",
      Password: isUp ? Buffer.from(ssh.password).toString("base64") : "",
      IPSet: [{ Type: "Bgp", IP: ssh.host, Bandwidth: 2000 }],
      InstancePrice: one.price,
      CompShareImagePrice: 0,
      PostPayPowerOffBillingResource: one.diskGb > 100 ? ["Disk"] : [],
      CreateTime: Math.floor(one.createdAt / 1000),
      StartTime: Math.floor(one.createdAt / 1000),
      ReleaseTime: one.stoppedAt === undefined ? 0 : Math.floor((one.stoppedAt + 7 * dayMs) / 1000),
      StopSchedulerTime: one.stopAt === undefined ? 0 : Math.floor(one.stopAt / 1000),
    };
  }

  /** Pages are small whatever limit is asked for. */
  function describe(form: Fields): TestAnswer {
    const id = form["UHostIds.0"];
    const seen = [...machines.values()]
      .filter((one) => id === undefined || one.id === id)
      .filter((one) => one.hidden-- <= 0)
      .filter((one) => look(one).state !== "gone");
    const offset = Number(form["Offset"] ?? 0);
    return good({ TotalCount: seen.length, UHostSet: seen.slice(offset, offset + 2).map(toRow) });
  }

  function find(form: Fields): Machine | undefined {
    const one = machines.get(form["UHostId"] ?? "");
    return one?.state === "gone" || one?.zone !== form["Zone"] ? undefined : one;
  }

  function stop(form: Fields): TestAnswer {
    const one = find(form);
    if (one === undefined) return refuse(230, "Params [UHostId] not available");
    if (one.charge === "Spot") return refuse(8003, "抢占式实例不支持关机");
    if (one.state === "Stopping") return refuse(8000, "InstanceOperationInProgress");
    if (one.state !== "Running") return refuse(8000, "InstanceOperationInProgress");
    if (!takeIgnore()) change(one, "Stopping");
    return good({ UHostId: one.id });
  }

  function terminate(form: Fields): TestAnswer {
    const one = find(form);
    if (one === undefined) return refuse(230, "Params [UHostId] not available");
    if (one.state === "Deleting") return refuse(8000, "InstanceOperationInProgress");
    if (one.charge !== "Spot" && one.state !== "Stopped") return refuse(8004, "请先关机再删除实例");
    if (form["ReleaseUDisk"] !== "true") return refuse(8005, "data disks would live on");
    if (!takeIgnore()) change(one, "Deleting");
    return good({ UHostId: one.id, InRecycle: "No" });
  }

  function takeIgnore(): boolean {
    const { isIgnoring } = hands;
    hands.isIgnoring = false;
    return isIgnoring;
  }

  function schedule(form: Fields): TestAnswer {
    const one = machines.get(form["UHostId"] ?? "");
    const at = whole(form["SchedulerStopTime"]);
    if (form["ProjectId"] !== "org-test") return refuse(292, "项目不存在");
    if (one === undefined) return refuse(230, "Params [UHostId] not available");
    if (one.charge === "Spot") return refuse(8006, "抢占式实例不支持定时关机");
    if (!(at * 1000 >= now() + 300_000))
      return refuse(230, "Params [SchedulerStopTime] not available");
    one.stopAt = at * 1000;
    return good({});
  }

  return {
    priceOf,
    create,
    describe,
    stop,
    terminate,
    schedule,
    billing: () =>
      [...machines.values()].filter(({ state }) => !free.has(state)).map(({ id }) => id),
    bills: () =>
      [...machines.values()].map(({ id, price, createdAt, stoppedAt }) => ({
        id,
        price,
        startedAt: createdAt,
        ...(stoppedAt === undefined ? {} : { stoppedAt }),
      })),
    list: () => [...machines.values()],
    reprice: (factor) => void (hands.factor = factor),
    damage: () => void (hands.isDamaging = true),
    ignoreNext: () => void (hands.isIgnoring = true),
    hideNext: (reads) => void (hands.hidden = reads),
    reclaim(id) {
      const one = machines.get(id);
      if (one?.charge !== "Spot") throw new Error(`${id} is no spot machine`);
      change(one, "Stopping");
    },
  };
}
