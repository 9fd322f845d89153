import { describe, it } from "vitest";
import type { SshFiles } from "./files.ts";
import { resolveSshTarget } from "./target.ts";

function filesOf(files: Record<string, string>): SshFiles {
  return {
    home: "/home/me",
    userName: "me",
    read: async (path) => files[path],
    readMode: async () => 0o600,
  };
}

const config = `
Include conf.d/lab
Host bastion
  User jump
Host *
  User everyone
`;
const lab = `
Host lab1 lab2
  HostName 10.0.0.5
  Port 2222
  IdentityFile ~/.ssh/lab_%h
  ProxyJump bastion,alice@inner:99
  UserKnownHostsFile ~/.ssh/lab_hosts /etc/lab_hosts
  HostKeyAlias the-lab
Host proxied
  ProxyCommand nc %h %p
Host evil
  Match exec "touch /tmp/never"
`;
const files = filesOf({ "/home/me/.ssh/config": config, "/home/me/.ssh/conf.d/lab": lab });

describe("resolveSshTarget", () => {
  it("fills in what the address leaves out, from included files too", async ({ expect }) => {
    expect(await resolveSshTarget("lab1", { files })).toEqual({
      host: "10.0.0.5",
      port: 2222,
      user: "everyone",
      identityFiles: ["/home/me/.ssh/lab_10.0.0.5"],
      jumps: [{ host: "bastion" }, { host: "inner", user: "alice", port: 99 }],
      knownHostsFiles: ["/home/me/.ssh/lab_hosts", "/etc/lab_hosts"],
      hostKeyAlias: "the-lab",
    });
  });

  it("lets the address win over the configuration", async ({ expect }) => {
    const found = await resolveSshTarget("ssh -p 34222 root@lab1", { files });
    expect(found).toMatchObject({ host: "10.0.0.5", port: 34222, user: "root" });
  });

  it("takes an address that no configuration knows as it is", async ({ expect }) => {
    const found = await resolveSshTarget("10.0.0.9", { files: filesOf({}) });
    expect(found).toEqual({ host: "10.0.0.9", port: 22, user: "me", identityFiles: [], jumps: [] });
  });

  it("refuses a ProxyCommand and says what to use in its place", async ({ expect }) => {
    await expect(resolveSshTarget("proxied", { files })).rejects.toMatchObject({
      failure: { kind: "config_invalid", hint: expect.stringContaining("ProxyJump") },
    });
  });
});
