import { Secret } from "@gpujob/spec";
import { describe, it } from "vitest";
import { toSshCommand } from "./ssh-command.ts";

const base = { kind: "ssh", host: "10.0.0.5", port: 2222, user: "root" } as const;

describe("toSshCommand", () => {
  it("says how a person's own ssh gets there, and never a password", ({ expect }) => {
    const auth = { kind: "password", password: new Secret("s3cret") } as const;
    expect(toSshCommand({ ...base, auth })).toEqual(["ssh", "-p", "2222", "root@10.0.0.5"]);
  });

  it("keeps names as the user wrote them, and names jumps and key", ({ expect }) => {
    const jumps = [{ host: "::1", port: 22, user: "me", auth: { kind: "default" } }] as const;
    const auth = { kind: "key-file", path: "~/.ssh/lab" } as const;
    expect(toSshCommand({ ...base, auth, jumps, target: { host: "lab1" } })).toEqual([
      "ssh",
      "-i",
      "~/.ssh/lab",
      "-J",
      "me@[::1]:22",
      "lab1",
    ]);
  });
});
