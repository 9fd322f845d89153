import { describe, it } from "vitest";
import { passwordAccess, sshCommandSchema, toMachineLease } from "./machine-lease.ts";

const name = "gj-conforma-aaaaaa-1-0-1790000000";
const access = passwordAccess({ host: "box", port: 2022, password: "open sesame" });
const up = { leaseId: "m-1", name, state: "up", isBillable: true } as const;

describe("a machine as a lease", () => {
  it("is reached as root by password, trusted at first use", ({ expect }) => {
    const lease = toMachineLease({ ...up, access, startedAt: undefined });
    expect(lease).toMatchObject({
      state: "up",
      ownership: { installation: "conforma", run: "aaaaaa" },
      nodes: [{ access: { user: "root", port: 2022, hostKeyPolicy: "first-use" } }],
    });
    expect(Object.keys(lease)).not.toContain("startedAt");
    expect(JSON.stringify(lease)).not.toContain("open sesame");
  });

  it("is not up before it can be reached, and shows how only while it is up", ({ expect }) => {
    expect(passwordAccess({ host: "box", password: "" })).toBeUndefined();
    expect(toMachineLease(up)).toMatchObject({ state: "pending", isBillable: true });
    expect(toMachineLease({ ...up, state: "stopped", access }).nodes[0]).not.toHaveProperty(
      "access",
    );
  });

  it("has no login command while there is none, and no other text for one", ({ expect }) => {
    expect(sshCommandSchema.parse("ssh -p 23 root@203.0.113.7")).toMatchObject({ port: 23 });
    expect(sshCommandSchema.parse(null)).toBeUndefined();
    expect(sshCommandSchema.safeParse("see the console").success).toBe(false);
  });
});
