import { inspect } from "node:util";

const hidden = new WeakMap<Secret, string>();

/** A value that must not be seen. It prints as `[secret]` everywhere; `reveal()` is the only way to the text. */
export class Secret {
  constructor(value: string) {
    hidden.set(this, value);
  }
  /** The secret text, for the one call that needs it. Never log, journal or interpolate the result. */
  reveal(): string {
    return hidden.get(this) ?? "";
  }
  toString(): string {
    return "[secret]";
  }
  toJSON(): string {
    return "[secret]";
  }
  [inspect.custom](): string {
    return "[secret]";
  }
}
