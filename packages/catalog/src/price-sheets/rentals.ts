import { downloadProxy, mainlandMirrors, modelMirrors } from "./mirrors.ts";
import type { Rental } from "./rental.ts";

const hour = 3600;
const day = 24 * hour;
/** The careful answer where nobody says how time is rounded. */
const wholeHours = { unitSeconds: hour, minimumSeconds: hour } as const;
const isRoundingUnknown = "How time is rounded is not known: whole hours are counted.";

const rentals: readonly Rental[] = [
  {
    platform: "autodl",
    title: "AutoDL",
    country: "cn",
    endAt: "the instance list of https://www.autodl.com/console",
    // Per second, at least 0.01 CNY, from power-on to power-off — https://www.autodl.com/docs/price (2026-09)
    billing: { unitSeconds: 1, minimumSeconds: 0, isBootBilled: false },
    renews: false,
    // `shutdown` inside ends the bill, but a monthly plan runs on: its user says which it is.
    powerOff: "none",
    workFolders: ["/root/autodl-tmp"],
    wipes: [{ afterStopSeconds: 15 * day }],
    environment: modelMirrors,
    notes: [
      "`shutdown` inside the machine ends the bill of one that is paid by the hour; `powerOff: ends` has that done after a job.",
      "Port and password may change at every start.",
      "`source /etc/network_turbo` in `setup` speeds GitHub and Hugging Face up, and slows everything else down.",
    ],
    source: "https://www.autodl.com/docs",
    observedAt: "2026-09-08",
  },
  {
    platform: "gpushare",
    title: "恒源云 Gpushare",
    country: "cn",
    endAt: "the instance page of https://gpushare.com",
    // By the second, settled hourly; the hour that is frozen at the start is a deposit, not a minimum.
    billing: { unitSeconds: 1, minimumSeconds: 0 },
    renews: false,
    // That a shutdown from within stops the bill is documented nowhere.
    powerOff: "none",
    workFolders: ["/hy-tmp"],
    wipes: [{ path: "/hy-tmp", afterStopSeconds: day }, { afterStopSeconds: 10 * day }],
    environment: { ...mainlandMirrors, ...downloadProxy("http://turbo.gpushare.com:30000") },
    notes: [
      "One hour is frozen on the account when the machine is started.",
      "/root and the system disk go back to the image at every stop.",
      "The proxy lets GitHub, Hugging Face, PyTorch and Kaggle through and blocks everything else.",
    ],
    source: "https://gpushare.com/docs",
    observedAt: "2026-06-01",
  },
  {
    platform: "mornai",
    title: "晨涧云 MornAI",
    country: "cn",
    endAt: "the console of https://www.mornai.cn",
    // The first hour is taken at the start, each further one in advance — document 1140 (2026)
    billing: { unitSeconds: hour, minimumSeconds: hour, mode: "prepaid" },
    renews: true,
    powerOff: "none",
    workFolders: ["/data"],
    wipes: [],
    environment: { ...mainlandMirrors, ...downloadProxy("http://proxy.mornai.cn:7890") },
    notes: ["Stopping the machine forfeits what is left of the hour that is paid."],
    source: "https://www.mornai.cn/doc/index/detail/bid/1000/id/1140.html",
    observedAt: "2026-06-01",
  },
  {
    platform: "matpool",
    title: "矩池云 Matpool",
    country: "cn",
    endAt: "the console of https://matpool.com (停止并释放)",
    billing: { ...wholeHours, isBootBilled: false },
    renews: false,
    powerOff: "none",
    // The token stands in the environment of the first process; the tool is the platform's own.
    selfEnd: {
      command:
        'export "$(tr "\\0" "\\n" </proc/1/environ | grep "^MATCLOUD_CANCELTOKEN" | head -n 1)" && /public/script/matncli node cancel -url https://matpool.com/api/public/node',
      effect: "ends",
    },
    // /mnt is a network disk of 5 GB; /root is the local one.
    workFolders: [],
    wipes: [{ afterStopSeconds: 0 }],
    environment: mainlandMirrors,
    notes: [
      isRoundingUnknown,
      "A stop releases the machine: everything outside /mnt is lost at once.",
    ],
    source: "https://matpool.com and its users",
    observedAt: "2026-10-01",
  },
  {
    platform: "gpugeek",
    title: "GpuGeek",
    country: "cn",
    endAt: "the console of https://gpugeek.com",
    billing: { unitSeconds: 1, minimumSeconds: 0 },
    renews: false,
    powerOff: "none",
    workFolders: ["/gz-data"],
    wipes: [],
    environment: mainlandMirrors,
    notes: [
      "An expanded data disk and /gz-fs above its free size cost money also while the machine is off.",
      "The card is not kept for you after a shutdown.",
    ],
    source: "https://gpugeek.com/docs/en/product/user_account/price",
    observedAt: "2026-06-01",
  },
  {
    platform: "gpufree",
    title: "算力自由 gpufree",
    country: "cn",
    endAt: "the console of https://www.gpufree.cn",
    billing: wholeHours,
    renews: false,
    powerOff: "none",
    workFolders: ["/root/gpufree-data"],
    wipes: [],
    environment: mainlandMirrors,
    notes: [isRoundingUnknown],
    source: "https://www.gpufree.cn as users saw it",
    observedAt: "2026-07-01",
  },
  {
    platform: "virtaicloud",
    title: "趋动云 VirtAI",
    country: "cn",
    endAt: "the console of https://virtaicloud.com",
    billing: wholeHours,
    renews: false,
    powerOff: "none",
    workFolders: ["/gemini/code"],
    wipes: [],
    environment: mainlandMirrors,
    notes: [isRoundingUnknown, "SSH must be enabled for the development environment."],
    source: "https://virtaicloud.com as users saw it",
    observedAt: "2026-07-01",
  },
  {
    platform: "moark",
    title: "模力方舟 Moark",
    country: "cn",
    endAt: "https://ai.gitee.com/compute",
    billing: wholeHours,
    renews: false,
    powerOff: "none",
    workFolders: ["/data"],
    wipes: [{ afterStopSeconds: 3 * day }],
    environment: mainlandMirrors,
    notes: [isRoundingUnknown, "A stop can fail where the disk is short."],
    source: "https://ai.gitee.com/compute",
    observedAt: "2026-07-15",
  },
  {
    platform: "shengsuanyun",
    title: "胜算云",
    country: "cn",
    endAt: "the console of https://shengsuanyun.com",
    billing: wholeHours,
    renews: false,
    powerOff: "none",
    workFolders: [],
    wipes: [],
    environment: mainlandMirrors,
    notes: [isRoundingUnknown],
    source: "https://shengsuanyun.com",
    observedAt: "2026-07-15",
  },
  {
    platform: "spacehpc",
    title: "Spacehpc",
    country: "cn",
    endAt: "the console of Spacehpc (https://help.spacehpc.com)",
    billing: { unitSeconds: 1, minimumSeconds: 0 },
    renews: false,
    powerOff: "none",
    workFolders: [],
    wipes: [],
    environment: mainlandMirrors,
    notes: ["Paid disks are billed by the day, on or off."],
    source: "https://help.spacehpc.com",
    observedAt: "2026-07-01",
  },
  {
    platform: "featurize",
    title: "Featurize",
    country: "cn",
    endAt: "the console of https://featurize.cn (归还)",
    billing: wholeHours,
    renews: false,
    powerOff: "none",
    workFolders: ["/home/featurize"],
    wipes: [],
    environment: mainlandMirrors,
    notes: [
      isRoundingUnknown,
      "Giving the machine back wipes all but /home/featurize and /cloud at once.",
    ],
    source: "https://featurize.cn as users saw it",
    observedAt: "2026-07-01",
  },
  {
    platform: "jikeyun",
    title: "极客云",
    country: "cn",
    endAt: "the console of 极客云",
    billing: wholeHours,
    renews: false,
    powerOff: "none",
    selfEnd: { command: "sh /root/shutdown.sh", effect: "stops" },
    workFolders: [],
    wipes: [],
    environment: mainlandMirrors,
    notes: [isRoundingUnknown],
    source: "its users",
    observedAt: "2026-07-01",
  },
];

/** Every platform whose machines are rented by hand. */
export function listRentals(): readonly Rental[] {
  return rentals;
}

/** The facts of a platform by the first part of its sheets' ids, in any case; `undefined` where there are none. */
export function findRental(platform: string): Rental | undefined {
  return rentals.find((rental) => rental.platform === platform.toLowerCase());
}
