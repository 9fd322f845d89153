import { it } from "vitest";
import { parseJobFile } from "./index.ts";

it("refuses a profile that it does not know, with those that there are", ({ expect }) => {
  const read = (profile: string): string =>
    parseJobFile({
      path: "/jobs/train.yaml",
      text: `run: "true"\nprofile: ${profile}\n`,
      resolveName: () => undefined,
    }).profile;
  expect(read("start-up")).toBe("start-up");
  expect(() => read("studnet")).toThrow(/train\.yaml:2:10.*student/s);
});
