import { it } from "vitest";
import { tmpdir } from "node:os";
import { findMountType, findNetworkFileSystem } from "./file-system.ts";

const mounts = [
  "22 1 252:1 / / rw,relatime shared:1 - ext4 /dev/vda rw",
  String.raw`40 22 0:44 / /mnt/my\040data rw,nosuid shared:9 - fuse.sshfs lab:/data rw`,
  "41 40 0:45 / /mnt/my\\040data/local rw - tmpfs tmpfs rw",
].join("\n");

it("finds the mount that covers a path", ({ expect }) => {
  expect(findMountType(mounts, "/home/me")).toBe("ext4");
  expect(findMountType(mounts, "/mnt/my data/gpujob")).toBe("fuse.sshfs");
  expect(findMountType(mounts, "/mnt/my data/local/gpujob")).toBe("tmpfs");
  expect(findMountType(mounts, "/mnt/my database")).toBe("ext4");
  expect(findMountType("", "/home/me")).toBeUndefined();
});

it("takes a local disk for what it is", ({ expect }) => {
  expect(findNetworkFileSystem(tmpdir())).toBeUndefined();
});
