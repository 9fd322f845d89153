import { describe, it } from "vitest";
import { GpujobError } from "./errors.ts";
import { parseSshTarget } from "./ssh-target.ts";

describe("parseSshTarget", () => {
  it.for([
    ["lab1", { host: "lab1" }],
    ["10.0.0.5", { host: "10.0.0.5" }],
    ["root@10.0.0.5:22", { host: "10.0.0.5", user: "root", port: 22 }],
    ["host:2222", { host: "host", port: 2222 }],
    ["u@[fe80::1]:22", { host: "fe80::1", user: "u", port: 22 }],
    ["fe80::1", { host: "fe80::1" }],
    ["ssh://u@h:99/", { host: "h", user: "u", port: 99 }],
    ["ssh -p 34222 root@i-1.gpushare.com", { host: "i-1.gpushare.com", user: "root", port: 34222 }],
    ["  ssh root@h -p34222 ", { host: "h", user: "root", port: 34222 }],
    ["ssh -l me h", { host: "h", user: "me" }],
    ["a@b@host", { host: "host", user: "a@b" }],
  ] as const)("reads %s", ([text, target], { expect }) => {
    expect(parseSshTarget(text)).toEqual(target);
  });

  it.for([
    "",
    "-oProxyCommand=x",
    "root@-x",
    "h:0",
    "h:70000",
    "h:x",
    "ssh -p",
    "ssh",
    "ssh h extra",
    "a b",
    "ssh -o ProxyCommand=x h",
    "h;rm",
    "$(x)",
    "u@",
    "@h",
    "ssh -p 22",
  ])("refuses %j and says why", (text, { expect }) => {
    expect(() => parseSshTarget(text)).toThrow(GpujobError);
    expect(() => parseSshTarget(text)).toThrow(/cannot be read as an SSH address: /);
  });
});
