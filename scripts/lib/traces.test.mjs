// @ts-check
import { it } from "vitest";
import { createTraceFinder } from "./traces.mjs";

const find = createTraceFinder({
  folders: ["/home/ada/gpujob", "/home/ada/"],
  hosts: ["packages.example.org"],
});

it("finds absolute paths of the machine, but not the end of another path", ({ expect }) => {
  expect(find("a.ts", `open("/home/ada/gpujob/x")`)).toHaveLength(2);
  expect(find("a.ts", "see /home/ada/notes")).toEqual([
    "a.ts names a path of this machine (/home/ada/).",
  ]);
  expect(find("a.ts", "$root/home/ada/x and /home/adam")).toEqual([]);
});

it("finds hosts of package registries and download addresses in the lock", ({ expect }) => {
  expect(find("README.md", "npm i --registry packages.example.org")).toHaveLength(1);
  expect(find("README.md", "packagesXexample.org")).toEqual([]);
  const lock = `{ "resolved": "https://somewhere/x.tgz" }`;
  expect(find("package-lock.json", lock)).toHaveLength(1);
  expect(find("package-lock.json", `{ "resolved": "packages/spec" }`)).toEqual([]);
});
