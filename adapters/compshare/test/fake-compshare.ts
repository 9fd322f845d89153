import { createHash } from "node:crypto";
import type { TestAnswer, TestRequest, TestServer } from "@gpujob/adapter-kit/testing";
import { startTestServer } from "@gpujob/adapter-kit/testing";
import type { FakeBill, FakeMachines, FakeSsh } from "./fake-machines.ts";
import { createFakeMachines } from "./fake-machines.ts";
import type { Fields } from "./fake-wire.ts";
import { good, refuse, sizes, spotTypes, types, zones } from "./fake-wire.ts";

export const publicKey = "a-public-key-for-tests";
export const privateKey = "a-private-key-for-tests";

export interface FakeCompshareOptions {
  /** How its machines are reached; by default nowhere. */
  readonly ssh?: FakeSsh;
  /** How often a machine is read before it changes by itself. @default 1 */
  readonly looks?: number;
}

export interface FakeCompshare extends TestServer {
  /** Ids of machines that bill now. */
  readonly billing: () => string[];
  readonly bills: () => readonly FakeBill[];
  readonly reprice: (factor: number) => void;
  readonly damage: () => void;
  readonly ignoreNextRelease: () => void;
  /** New machines stay out of so many reads. */
  readonly hideNext: (reads: number) => void;
  /** The platform takes a spot machine back. */
  readonly reclaim: (id: string) => void;
  readonly machines: FakeMachines["list"];
  /** Lets time pass at the platform, in milliseconds. */
  readonly advance: (ms: number) => void;
  /** The next call of this action is answered with this. */
  readonly answerNext: (action: string, answer: TestAnswer) => void;
  /** Every call of this action is answered with this. */
  readonly answerAlways: (action: string, answer: TestAnswer) => void;
}

/** Compshare behind a real server, from its documentation: signatures verified, units, modes and traps as they are. */
export async function startFakeCompshare(
  options: FakeCompshareOptions = {},
): Promise<FakeCompshare> {
  const scripted = new Map<string, { readonly answer: TestAnswer; readonly isOnce: boolean }>();
  let aheadMs = 0;
  const now = (): number => Date.now() + aheadMs;
  const machines = createFakeMachines({ now, looks: options.looks ?? 1, ssh: options.ssh });

  function handle(request: TestRequest): TestAnswer {
    const form = Object.fromEntries(new URLSearchParams(request.text));
    const action = form["Action"] ?? "";
    const script = scripted.get(action);
    if (script !== undefined) {
      if (script.isOnce) scripted.delete(action);
      return script.answer;
    }
    const refusal = checkSignature(form);
    if (refusal !== undefined) return refusal;
    const work = actions[action];
    return work === undefined ? refuse(161, "Action 不存在") : work(form);
  }

  const actions: Readonly<Record<string, (form: Fields) => TestAnswer>> = {
    DescribeCompShareSupportZone: (form) =>
      good({ ZoneInfo: zones.filter(({ Region }) => Region === form["Region"]) }),
    DescribeAvailableCompShareInstanceTypes: listTypes,
    GetCompShareInstanceUserPrice: (form) => {
      const price = machines.priceOf(form, "Postpay");
      if (price === undefined) return refuse(230, "Params [GpuType] not available");
      const modes = ["Postpay", "Day", ...(spotTypes.has(form["GpuType"] ?? "") ? ["Spot"] : [])];
      const list = modes.map((ChargeType) => ({
        ChargeType,
        Instance: ChargeType === "Day" ? price * 22 : machines.priceOf(form, ChargeType),
        Disks: 0,
        InstanceDiscountType: 0,
      }));
      return good({ PriceDetails: list, OriginalPriceDetails: list, ListPriceDetails: list });
    },
    CheckCompShareResourceCapacity: (form) => {
      const type = types.find(({ name }) => name === form["GpuType"]);
      if (type === undefined) return refuse(230, "Params [GpuType] not available");
      return good({
        Specs: sizes(type).map((size) => ({
          Gpu: size.gpu,
          Cpu: size.cpu,
          Mem: size.memory,
          ResourceEnough: type.status === "Normal",
        })),
      });
    },
    DescribeCompShareImages: (form) => {
      const all = [
        image("compshareImage-old", "PyTorch 1.9", "True", "Offline"),
        image("compshareImage-torch", "PyTorch 2.7.1", "True", "Available"),
        image("compshareImage-ubuntu", "Ubuntu 22.04 64位", "False", "Available"),
      ].filter(({ Name }) => Name.includes(form["Name"] ?? ""));
      return good({ ImageSet: all.slice(Number(form["Offset"])), TotalCount: all.length });
    },
    GetProjectList: () => good({ ProjectSet: [{ ProjectId: "org-test", IsDefault: true }] }),
    GetBalance: () =>
      good({ AccountInfo: { Amount: "88.80", AmountAvailable: "88.50", AmountFreeze: "0.30" } }),
    CreateCompShareInstance: machines.create,
    DescribeCompShareInstance: machines.describe,
    StopCompShareInstance: machines.stop,
    TerminateCompShareInstance: machines.terminate,
    UpdateCompShareStopScheduler: machines.schedule,
  };

  const server = await startTestServer({
    handle,
    targetOf: ({ text }) => targetOf(Object.fromEntries(new URLSearchParams(text))),
    refuse(kind) {
      if (kind === "unauthorized") return refuse(171, "签名错误");
      if (kind === "rate_limited") return refuse(153, "API 请求被限流");
      if (kind === "no_capacity") return refuse(226604, "资源不足，请稍后重试");
      return refuse(150, "服务目前不可用，请稍后重试");
    },
  });
  return {
    ...server,
    billing: machines.billing,
    bills: machines.bills,
    reprice: machines.reprice,
    damage: machines.damage,
    ignoreNextRelease: machines.ignoreNext,
    hideNext: machines.hideNext,
    reclaim: machines.reclaim,
    machines: machines.list,
    advance: (ms) => void (aheadMs += ms),
    answerNext: (action, answer) => void scripted.set(action, { answer, isOnce: true }),
    answerAlways: (action, answer) => void scripted.set(action, { answer, isOnce: false }),
  };
}

/** By the rule of the documentation, without a line of the adapter's. */
function checkSignature(form: Fields): TestAnswer | undefined {
  const { Signature: given, ...signed } = form;
  if (given === undefined) return refuse(170, "缺少签名");
  if (form["PublicKey"] !== publicKey) return refuse(172, "用户不存在");
  let text = "";
  for (const key of Object.keys(signed).toSorted()) text += key + String(signed[key]);
  const right = createHash("sha1").update(`${text}${privateKey}`).digest("hex");
  return right === given ? undefined : refuse(171, "签名错误");
}

function listTypes(form: Fields): TestAnswer {
  if (!zones.some(({ Zone }) => Zone === form["Zone"])) return good({ AvailableInstanceTypes: [] });
  const isSpot = form["InstanceType"] === "spot";
  const shown = types.filter(({ name, zone }) => {
    return (zone === undefined || zone === form["Zone"]) && (!isSpot || spotTypes.has(name));
  });
  return good({
    AvailableInstanceTypes: shown.map((type) => ({
      Name: type.name,
      Zone: form["Zone"],
      Status: type.status,
      MachineSizes: [...new Set(sizes(type).map(({ gpu }) => gpu))].map((gpu) => ({
        Gpu: gpu,
        Collection: sizes(type)
          .filter((size) => size.gpu === gpu)
          .map(({ cpu, memory }) => ({ Cpu: cpu, Memory: [memory], MinimalCpuPlatform: ["Auto"] })),
      })),
      Disks: [{ Name: "CLOUD_SSD", BootDisk: [{ Name: "CLOUD_SSD", MaximalSize: 500 }] }],
      GraphicsMemory: { Value: type.vramGb },
      Performance: { Value: 83 },
    })),
  });
}

function image(id: string, name: string, container: string, status: string) {
  return {
    CompShareImageId: id,
    Name: name,
    ImageType: "System",
    Container: container,
    Status: status,
  };
}

function targetOf(form: Fields) {
  const action = form["Action"];
  if (action === "DescribeCompShareSupportZone") return "offers";
  if (action === "CreateCompShareInstance") return "create";
  if (action === "DescribeCompShareInstance") {
    return form["UHostIds.0"] === undefined ? "list" : "get";
  }
  if (action === "StopCompShareInstance" || action === "TerminateCompShareInstance") {
    return "release";
  }
  if (action === "UpdateCompShareStopScheduler") return "extend";
  if (action === "CheckCompShareResourceCapacity") return "capacity";
  return action === "GetBalance" ? "balance" : undefined;
}
