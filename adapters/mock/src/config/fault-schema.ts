import { platformErrorKinds } from "@gpujob/spec";
import { z } from "zod";
import type { Fault } from "../market/terms.ts";
import { cards, duration, positive } from "./fields.ts";

const chosen = { nth: positive.exactOptional(), offer: z.string().exactOptional() };
const anyCall = z.enum(["offers", "create", "get", "list", "release", "extend"]);
const onCreate = { ...chosen, on: z.literal("create") };
const onLease = { ...chosen, on: z.literal("lease") };

/** One entry of `faults`. */
export const faultSchema: z.ZodType<Fault> = z.discriminatedUnion("do", [
  z
    .strictObject({
      ...chosen,
      on: anyCall,
      do: z.literal("error"),
      kind: z.enum(platformErrorKinds),
      retryAfter: duration.exactOptional(),
    })
    .transform(({ retryAfter, ...fault }) => ({
      ...fault,
      ...(retryAfter === undefined ? {} : { retryAfterMs: retryAfter }),
    })),
  z.strictObject({
    ...chosen,
    on: z.enum(["create", "release", "extend"]),
    do: z.literal("lose-reply"),
  }),
  z
    .strictObject({
      ...chosen,
      on: z.enum([...anyCall.options, "lease"]),
      do: z.literal("delay"),
      by: duration,
    })
    .transform(({ by, ...fault }) => ({ ...fault, byMs: by })),
  z.strictObject({ ...chosen, on: z.enum(["release", "extend"]), do: z.literal("ignore") }),
  z
    .strictObject({
      nth: chosen.nth,
      on: z.literal("list"),
      do: z.literal("lag"),
      by: duration,
    })
    .transform(({ by, ...fault }) => ({ ...fault, byMs: by })),
  z.strictObject({ ...onCreate, do: z.literal("reprice"), factor: z.number().gt(0) }),
  z.strictObject({ ...onCreate, do: z.literal("lose-tag") }),
  z
    .strictObject({
      ...onLease,
      do: z.literal("interrupt"),
      after: duration.default(0),
      notice: duration.default(0),
    })
    .transform(({ after, notice, ...fault }) => ({ ...fault, afterMs: after, noticeMs: notice })),
  z
    .strictObject({ ...onLease, do: z.literal("die"), after: duration.default(0) })
    .transform(({ after, ...fault }) => ({ ...fault, afterMs: after })),
  z
    .strictObject({
      ...onLease,
      do: z.literal("vanish"),
      after: duration.default(0),
      by: duration,
    })
    .transform(({ after, by, ...fault }) => ({ ...fault, afterMs: after, byMs: by })),
  z.strictObject({ ...onLease, do: z.literal("wrong-gpu"), gpu: cards }),
]);
