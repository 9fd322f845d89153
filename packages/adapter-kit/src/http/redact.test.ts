import { Secret } from "@gpujob/spec";
import * as fc from "fast-check";
import { describe, it } from "vitest";
import { createRedactor } from "../index.ts";

const secrets = fc.string({ minLength: 8, maxLength: 60, unit: "grapheme-ascii" });
const longSecrets = fc.string({ minLength: 15, maxLength: 60, unit: "grapheme-ascii" });
const around = fc.string({ maxLength: 20 });

describe("createRedactor", () => {
  it("takes a secret out, however it is written", ({ expect }) => {
    fc.assert(
      fc.property(secrets, around, around, (secret, before, after) => {
        const redact = createRedactor([new Secret(secret)]);
        const forms = [
          secret,
          encodeURIComponent(secret),
          new URLSearchParams({ "": secret }).toString().slice(1),
          JSON.stringify(secret).slice(1, -1),
        ];
        for (const form of forms) {
          expect(redact(`${before}|${form}|${after}`)).toContain("[secret]");
          expect(redact(form)).toBe("[secret]");
        }
      }),
    );
  });

  it("takes it out of a base64 text around it, as in basic authentication", ({ expect }) => {
    fc.assert(
      fc.property(longSecrets, around, (secret, user) => {
        const text = Buffer.from(`${user}:${secret}`).toString("base64");
        expect(createRedactor([new Secret(secret)])(text)).toContain("[secret]");
      }),
    );
  });

  it("leaves other texts and too short secrets alone", ({ expect }) => {
    const redact = createRedactor([new Secret(""), new Secret("abc"), new Secret("long-secret")]);
    expect(redact("abc and nothing else")).toBe("abc and nothing else");
  });
});
