import type { TestAnswer, TestRequest } from "@gpujob/adapter-kit/testing";
import type { FakeBill, FakeShared } from "./fake-wire.ts";
import { bad, bodyOf, good, nullTime, page, wrongParameter } from "./fake-wire.ts";

interface Container {
  readonly uuid: string;
  readonly card: string;
  readonly cards: number;
  readonly price: number;
  status: string;
  looks: number;
  startedAt?: number;
  stoppedAt?: number;
}

interface Deployment {
  readonly uuid: string;
  readonly name: string;
  readonly command: string;
  readonly highestPrice: number;
  status: string;
  isDeleted: boolean;
  /** None while it waits for a card. */
  readonly container?: Container;
}

const prices: Readonly<Record<string, number>> = {
  "RTX 4090D": 2080,
  "RTX 5090": 2930,
  "RTX PRO 6000": 7350,
  "vGPU-48GB": 3100,
  "vGPU-48GB-350W": 2100,
};

const next: Readonly<Record<string, string>> = {
  creating: "created",
  created: "starting",
  starting: "oss_merged",
  oss_merged: "running",
  shutting_down: "shutdown",
};

const metered = new Set(["starting", "oss_merged", "running", "shutting_down"]);

/** Elastic Deployment of the fake account. */
export function createFakeElastic(shared: FakeShared) {
  const deployments = new Map<string, Deployment>();

  function change(one: Container, status: string): void {
    if (!metered.has(one.status) && metered.has(status)) one.startedAt = shared.now();
    if (metered.has(one.status) && !metered.has(status)) one.stoppedAt = shared.now();
    one.status = status;
    one.looks = 0;
  }

  /** Looking at a deployment moves its container on; one that is deleted is gone once its container has ended. */
  function look(one: Deployment): Deployment {
    const { container } = one;
    const later = container === undefined ? undefined : next[container.status];
    if (container !== undefined && later !== undefined && container.looks-- <= 0) {
      change(container, later);
    }
    return one;
  }

  function isThere(one: Deployment): boolean {
    return !one.isDeleted || (one.container !== undefined && one.container.status !== "shutdown");
  }

  function create(body: Record<string, unknown>): TestAnswer {
    const template = asRecord(body["container_template"]);
    const [card] = asList(template["gpu_name_set"]);
    const price = prices[String(card)];
    const required = ["cuda_v_from", "cuda_v_to", "cpu_num_from", "cpu_num_to"];
    const more = ["memory_size_from", "memory_size_to", "price_from", "price_to", "gpu_num"];
    const isWhole = [...required, ...more].every((key) => Number.isInteger(template[key]));
    const hasTexts = ["image_uuid", "cmd"].every((key) => typeof template[key] === "string");
    if (!isWhole || !hasTexts || asList(template["dc_list"]).length === 0) return wrongParameter;
    if (body["deployment_type"] !== "Container") return wrongParameter;
    if (price === undefined && !shared.isSoldOut(String(card))) return wrongParameter;
    const cards = Number(template["gpu_num"]);
    const total = (price ?? 0) * cards;
    const uuid = `dep-${deployments.size + 1}`;
    // Nothing is refused for want of a card: the container waits, as it does when every card is dearer than the ceiling.
    const isWaiting = price === undefined || total > Number(template["price_to"]);
    deployments.set(uuid, {
      uuid,
      name: shared.nextName(String(body["name"])),
      command: String(template["cmd"]),
      highestPrice: Number(template["price_to"]),
      status: "running",
      isDeleted: false,
      ...(isWaiting
        ? {}
        : {
            container: {
              uuid: `${uuid}-container`,
              card: String(card),
              cards,
              price: Math.round(total * shared.nextFactor()),
              status: "creating",
              looks: 0,
            },
          }),
    });
    return good({ deployment_uuid: uuid });
  }

  function remove(one: Deployment): TestAnswer {
    if (shared.takeIgnore()) return good(null);
    one.isDeleted = true;
    one.status = "stopped";
    const { container } = one;
    if (container !== undefined && container.status !== "shutdown") {
      change(container, "shutting_down");
      container.looks = 1;
    }
    return good(null);
  }

  function toRow(one: Deployment): object {
    const isRunning = one.container?.status === "running";
    return {
      uuid: one.uuid,
      name: one.name,
      deployment_type: "Container",
      status: one.status,
      replica_num: 1,
      starting_num: isRunning ? 0 : 1,
      running_num: isRunning ? 1 : 0,
      finished_num: 0,
    };
  }

  function toContainer(one: Container): object {
    const ssh = shared.options.ssh ?? {
      host: "connect.example.com",
      port: 40_001,
      user: "root",
      password: "password-of-a-container",
    };
    const isUp = one.status === "running";
    return {
      uuid: one.uuid,
      status: one.status,
      gpu_name: one.card,
      gpu_num: one.cards,
      // Bytes here, GB in the order.
      memory_size: 60 * 2 ** 30,
      price: one.price,
      started_at: nullTime(one.startedAt),
      stopped_at: nullTime(one.stoppedAt),
      info: {
        ssh_command: isUp ? `ssh -p ${ssh.port} ${ssh.user}@${ssh.host}` : "",
        root_password: isUp ? ssh.password : "",
      },
    };
  }

  function handle(request: TestRequest, path: string): TestAnswer {
    if (shared.options.isEnterprise === false) return bad("BadRequest", "无当前资源访问权限");
    const body = bodyOf(request);
    const route = `${request.method} ${path}`;
    if (route === "POST deployment") return create(body);
    const id = body["deployment_uuid"];
    const index = Number(body["page_index"]);
    const seen = [...deployments.values()]
      .filter((one) => id === undefined || one.uuid === id)
      .filter((one) => isThere(look(one)));
    if (route === "POST deployment/list") return page(seen.map(toRow), index);
    const [one] = seen;
    if (route === "POST deployment/container/list") {
      return page(one?.container === undefined ? [] : [toContainer(one.container)], index);
    }
    if (route === "DELETE deployment") {
      return one === undefined ? bad("RecordNotFoundError", "未查询到相关部署") : remove(one);
    }
    return { status: 404, text: "404 page not found" };
  }

  const containers = (): readonly Container[] =>
    [...deployments.values()].flatMap(({ container }) => container ?? []);

  return {
    handle,
    billing: () =>
      [...deployments.values()]
        .filter(({ container }) => container !== undefined && metered.has(container.status))
        .map(({ uuid }) => uuid),
    bills: (): readonly FakeBill[] =>
      containers().flatMap(({ uuid: id, price, startedAt, stoppedAt }) =>
        startedAt === undefined
          ? []
          : [{ id, price, startedAt, ...(stoppedAt === undefined ? {} : { stoppedAt }) }],
      ),
  };
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
