import type { TestAnswer, TestRequest } from "@gpujob/adapter-kit/testing";
import type { FakeBill, FakeShared } from "./fake-wire.ts";
import {
  bad,
  bodyOf,
  good,
  noStock,
  notFound,
  nullTime,
  page,
  wrongParameter,
} from "./fake-wire.ts";

interface Instance {
  readonly uuid: string;
  readonly name: string;
  readonly spec: string;
  readonly cards: number;
  readonly price: number;
  readonly extraGb: number;
  readonly command: string;
  readonly createdAt: number;
  status: string;
  /** How often it is looked at before it changes by itself. */
  looks: number;
  boots: number;
  startedAt?: number;
  stoppedAt?: number;
}

/** Thousandths per hour and card. */
const prices: Readonly<Record<string, number>> = {
  "4090D": 1880,
  "pro6000-p": 5980,
  "5090-p": 2900,
  "v-48g": 3100,
  "v-48g-350w": 2100,
  "v-32g-p": 1700,
  h800: 10_200,
};

/** What an instance becomes by itself. */
const next: Readonly<Record<string, string>> = {
  creating: "starting",
  starting: "running",
  shutting_down: "shutdown",
  releasing: "released",
};

const metered = new Set(["starting", "running", "shutting_down"]);

/** Container Instance Pro of the fake account. */
export function createFakePro(shared: FakeShared) {
  const instances = new Map<string, Instance>();
  const bills: FakeBill[] = [];

  function change(one: Instance, status: string, looks: number): void {
    const now = shared.now();
    if (!metered.has(one.status) && metered.has(status)) {
      one.startedAt = now;
      delete one.stoppedAt;
    }
    if (metered.has(one.status) && !metered.has(status) && one.startedAt !== undefined) {
      one.stoppedAt = now;
      bills.push({ id: one.uuid, price: one.price, startedAt: one.startedAt, stoppedAt: now });
    }
    one.status = status;
    one.looks = looks;
  }

  /** Looking at an instance moves it on. */
  function look(one: Instance): Instance {
    const later = next[one.status];
    if (later !== undefined && one.looks-- <= 0) change(one, later, 1);
    return one;
  }

  function create(body: Record<string, unknown>): TestAnswer {
    const spec = String(body["gpu_spec_uuid"]);
    const cards = Number(body["req_gpu_amount"]);
    const price = prices[spec];
    const isWrong =
      price === undefined ||
      !(Number.isInteger(cards) && cards >= 1 && cards <= 4) ||
      !isWhole(body["expand_system_disk_by_gb"], 500) ||
      !isWhole(body["cuda_v_from"], 999) ||
      !/^(base-)?image-/.test(String(body["image_uuid"])) ||
      !isKnownPlace(body["data_center_list"]);
    if (isWrong) return wrongParameter;
    if (shared.isSoldOut(spec)) return noStock;
    const uuid = `pro-${(instances.size + 1).toString(16).padStart(12, "0")}`;
    instances.set(uuid, {
      uuid,
      name: shared.nextName(textOf(body["instance_name"])),
      spec,
      cards,
      price: Math.round(price * cards * shared.nextFactor()),
      extraGb: Number(body["expand_system_disk_by_gb"]),
      command: textOf(body["start_command"]),
      createdAt: shared.now(),
      status: "creating",
      looks: shared.options.bootLooks ?? 2,
      boots: 0,
    });
    return good(uuid);
  }

  function powerOff(one: Instance): TestAnswer {
    const isBooting = one.status === "creating" || one.status === "starting";
    // Said yes to, and nothing happens: it boots on.
    if (isBooting || (one.status === "running" && shared.takeIgnore())) return good(null);
    if (one.status !== "running") return bad("BadRequest", "实例当前状态不支持该操作");
    change(one, "shutting_down", 1);
    return good(null);
  }

  function release(one: Instance): TestAnswer {
    if (one.status !== "shutdown") return bad("BadRequest", "请先关机再释放实例");
    if (!shared.takeIgnore()) change(one, "releasing", 1);
    return good(null);
  }

  function snapshot(one: Instance): TestAnswer {
    const isUp = one.status === "running";
    const ssh = shared.options.ssh ?? {
      host: "connect.example.com",
      port: 34_222 + one.boots,
      user: "root",
      password: `password-of-boot-${one.boots}`,
    };
    return good({
      ssh_command: isUp ? `ssh -p ${ssh.port} ${ssh.user}@${ssh.host}` : "",
      proxy_host: isUp ? ssh.host : "",
      ssh_port: isUp ? ssh.port : 0,
      root_password: isUp ? ssh.password : "",
      payg_price: one.price,
      origin_pay_price: Math.round(one.price * 1.3),
      // Another namespace than the codes of a create.
      region_sign: "bj-B1",
      snapshot_gpu_alias_name: one.spec,
      chip_corp: "nvidia",
      cpu_arch: "x86",
      system_init_disk_size: 30 * 2 ** 30,
      expand_system_disk_size: one.extraGb * 2 ** 30,
      usage_info: { valid: isUp, data_disk_total_size: 0, pull_image_progress: isUp ? 1 : 0.4 },
    });
  }

  function row(one: Instance): object {
    return {
      uuid: one.uuid,
      name: one.name,
      status: one.status,
      sub_status: "",
      created_at: new Date(one.createdAt).toISOString(),
      started_at: nullTime(one.startedAt),
      stopped_at: nullTime(one.stoppedAt),
      expired_at: nullTime(undefined),
      gpu_spec_uuid: one.spec,
      req_gpu_amount: one.cards,
      start_mode: "gpu",
      charge_type: "payg",
    };
  }

  function find(id: unknown): Instance | undefined {
    const one = instances.get(String(id));
    return one === undefined || look(one).status === "released" ? undefined : one;
  }

  function handle(request: TestRequest, path: string): TestAnswer {
    const route = `${request.method} ${path}`;
    const body = bodyOf(request);
    if (route === "POST create") return create(body);
    if (route === "POST list") {
      const seen = [...instances.values()].filter((one) => look(one).status !== "released");
      return page(seen.map(row), Number(body["page_index"]));
    }
    const actions: Readonly<Record<string, (one: Instance) => TestAnswer>> = {
      "GET status": (one) => good(one.status),
      "GET snapshot": snapshot,
      "POST power_off": powerOff,
      "POST release": release,
    };
    const action = actions[route];
    // A POST where a GET belongs is not even a route.
    if (action === undefined) return { status: 404, text: "404 page not found" };
    const isGet = request.method === "GET";
    const one = find(isGet ? request.query.get("instance_uuid") : body["instance_uuid"]);
    return one === undefined ? notFound : action(one);
  }

  return {
    handle,
    billing: () =>
      [...instances.values()].filter(({ status }) => metered.has(status)).map(({ uuid }) => uuid),
    bills: (): readonly FakeBill[] => [
      ...bills,
      ...[...instances.values()].flatMap((one) =>
        metered.has(one.status) && one.startedAt !== undefined
          ? [{ id: one.uuid, price: one.price, startedAt: one.startedAt }]
          : [],
      ),
    ],
    powerOn(id: string) {
      const one = instances.get(id);
      if (one?.status !== "shutdown") throw new Error(`${id} is not powered off`);
      one.boots += 1;
      change(one, "starting", 1);
    },
    powerOffInside(id: string) {
      const one = instances.get(id);
      if (one?.status !== "running") throw new Error(`${id} is not running`);
      change(one, "shutting_down", 1);
    },
  };
}

function isWhole(value: unknown, most: number): boolean {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= most;
}

/** Left out, or one of the two rooms that Pro has. */
function isKnownPlace(value: unknown): boolean {
  if (value === undefined) return true;
  return Array.isArray(value) && value.every((one) => one === "westDC3" || one === "beijingDC2");
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
