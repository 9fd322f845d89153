import { classifyBy, type ErrorTable } from "@gpujob/adapter-kit";
import type { Platform, PlatformErrorKind } from "@gpujob/spec";

/** What the script on a machine refuses with. */
export const errorTable: ErrorTable = [
  {
    code: "taken",
    kind: "no_capacity",
    scope: "offer",
    hint: "One run at a time uses a rented machine; `queue: 2h` in the job file waits for it.",
    example: "create-taken",
  },
  {
    code: "folder",
    kind: "unavailable",
    scope: "host",
    hint: "Make room in the home folder of the machine, or log in as a user who may write there.",
    example: "create-folder",
  },
];

/** Pure; see `Platform.classify`. */
export const classify: Platform["classify"] = classifyBy(errorTable);

/** What a rented machine's user can do about what goes wrong on the way to it. */
export const hints: Partial<Record<PlatformErrorKind, string>> = {
  unreachable:
    "Port and address change when a machine is started anew: take the login command from the console again. If you have ended it, take it out of the configuration.",
  unauthorized:
    "Take the password from the console again: it may change when a machine is started.",
  forbidden:
    "If you have rented another machine at this address, write the time at which you did under `since`.",
};
