import { fail, match, ok } from "node:assert/strict";
import type { Money } from "@gpujob/spec";

const isoShape = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/;

/** Fails unless the value is money in whole micros of a named currency, 0 or more. */
export function checkMoney(value: unknown, what: string): asserts value is Money {
  if (typeof value !== "object" || value === null) fail(`${what} is not money: ${String(value)}`);
  const currency: unknown = Reflect.get(value, "currency");
  const micros: unknown = Reflect.get(value, "micros");
  ok(
    typeof currency === "string" && /^[A-Z]{3}$/.test(currency),
    `${what} has the currency ${JSON.stringify(currency)}, not an ISO 4217 code`,
  );
  ok(
    typeof micros === "number" && Number.isSafeInteger(micros) && micros >= 0,
    `${what} has ${JSON.stringify(micros)} micros, not a whole number of 0 or more`,
  );
}

/** Fails unless the text is an ISO-8601 time in UTC. */
export function checkIsoTime(text: string, what: string): void {
  match(text, isoShape, `${what} is "${text}", not an ISO-8601 time in UTC`);
  ok(Number.isFinite(Date.parse(text)), `${what} is "${text}", which is no real time`);
}

/** Fails unless the value survives JSON unchanged: no undefined, no NaN, no class with a life. */
export function checkPlain(value: unknown, what: string): void {
  walk(value, what);
}

function walk(value: unknown, path: string): void {
  if (value === null || typeof value === "string" || typeof value === "boolean") return;
  if (typeof value === "number") {
    ok(Number.isFinite(value), `${path} is ${value}`);
    return;
  }
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) walk(item, `${path}[${index}]`);
    return;
  }
  ok(typeof value === "object", `${path} is ${typeof value}; what is absent must be left out`);
  const prototype: unknown = Object.getPrototypeOf(value);
  ok(
    prototype === Object.prototype || prototype === null,
    `${path} is an instance of a class, not plain data`,
  );
  for (const [name, item] of Object.entries(value)) walk(item, `${path}.${name}`);
}
