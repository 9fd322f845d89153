import { platformErrorKinds } from "@gpujob/spec";
import { z } from "zod";
import type { Fault } from "../market/terms.ts";
import { cards, duration, positive } from "./fields.ts";

const chosen = {
  nth: z.union([positive, z.array(positive).min(1)]).exactOptional(),
  rate: z.number().gt(0).max(1).exactOptional(),
  offer: z.string().exactOptional(),
};
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
  z.strictObject({ ...chosen, on: anyCall, do: z.literal("lose-reply") }),
  z
    .strictObject({
      ...chosen,
      on: anyCall,
      do: z.literal("status"),
      status: z.int().min(400).max(599),
      body: z.enum(["json", "html", "empty"]).default("json"),
      retryAfter: duration.exactOptional(),
      retryAfterAs: z.enum(["seconds", "date"]).default("seconds"),
      done: z.boolean().default(false),
    })
    .transform(({ retryAfter, done, ...fault }) => ({
      ...fault,
      isDone: done,
      ...(retryAfter === undefined ? {} : { retryAfterMs: retryAfter }),
    })),
  z.strictObject({
    ...chosen,
    on: anyCall,
    do: z.literal("junk"),
    as: z.enum(["html", "empty", "cut", "wrong-type", "huge", "refusal"]),
  }),
  z.strictObject({ ...chosen, on: anyCall, do: z.literal("break") }),
  z
    .strictObject({ ...chosen, on: anyCall, do: z.literal("trickle"), by: duration })
    .transform(({ by, ...fault }) => ({ ...fault, byMs: by })),
  z.strictObject({
    ...chosen,
    on: z.enum(["create", "list", "release", "extend"]),
    do: z.literal("twice"),
  }),
  z
    .strictObject({ ...chosen, on: z.enum(["get", "list"]), do: z.literal("stale"), by: duration })
    .transform(({ by, ...fault }) => ({ ...fault, byMs: by })),
  z.strictObject({ ...chosen, on: z.enum(["get", "release"]), do: z.literal("absent") }),
  z
    .strictObject({ ...onCreate, do: z.literal("late"), by: duration })
    .transform(({ by, ...fault }) => ({ ...fault, byMs: by })),
  z.strictObject({ ...onCreate, do: z.literal("mismatch") }),
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
      rate: chosen.rate,
      on: z.enum(["get", "list"]),
      do: z.literal("lag"),
      by: duration,
    })
    .transform(({ by, ...fault }) => ({ ...fault, byMs: by })),
  z.strictObject({ ...onCreate, do: z.literal("reprice"), factor: z.number().gt(0) }),
  z.strictObject({ ...onCreate, do: z.literal("overbill"), factor: z.number().gt(0) }),
  z.strictObject({ ...onCreate, do: z.literal("lose-tag") }),
  z.strictObject({ ...chosen, on: z.literal("release"), do: z.literal("leave-disk") }),
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
