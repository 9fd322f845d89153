import { readFileSync, realpathSync, statfsSync } from "node:fs";

/**
 * File systems that are on another machine, by the number `statfs` gives on Linux (linux/magic.h and the modules'
 * own headers). 9p is left out: sandboxes use it for disks of their own.
 */
const networkTypes = new Map<number, string>([
  [0x6969, "NFS"],
  [0x517b, "SMB"],
  [0xff534d42, "CIFS"],
  [0xfe534d42, "SMB"],
  [0x5346414f, "AFS"],
  [0x6b414653, "AFS"],
  [0x00c36400, "Ceph"],
  [0x73757245, "Coda"],
  [0x0bd00bd0, "Lustre"],
  [0x19830326, "BeeGFS"],
  [0x47504653, "GPFS"],
  [0xaad7aaea, "PanFS"],
  [0x01161970, "GFS2"],
  [0x7461636f, "OCFS2"],
]);

const fuseType = 0x65735546;

/** FUSE is a local overlay in some containers and the network in others: only its full name tells. */
const networkFuse =
  /^fuse\.(sshfs|rclone|s3fs|gcsfuse|goofys|juicefs|glusterfs|ceph|davfs|curlftpfs|mount-s3|blobfuse2?|seaweedfs|weed|cvmfs2|moosefs|mfs.*)$/;

/** The type of the mount a path is on, from the text of `/proc/self/mountinfo`: the longest mount point that covers it. */
export function findMountType(mountInfo: string, path: string): string | undefined {
  let best: { readonly point: string; readonly type: string } | undefined;
  for (const line of mountInfo.split("\n")) {
    const [left, right] = line.split(" - ");
    const point = unescapeMount(left?.split(" ")[4] ?? "");
    const type = right?.split(" ")[0];
    const covers = point === "/" || path === point || path.startsWith(`${point}/`);
    if (point === "" || type === undefined || !covers) continue;
    if (best === undefined || point.length >= best.point.length) best = { point, type };
  }
  return best?.type;
}

function unescapeMount(point: string): string {
  return point.replace(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}

/**
 * The name of the network file system a folder is on; undefined when it is local or cannot be told.
 * SQLite's locks and shared memory do not hold between machines there, and files have been damaged that way.
 */
export function findNetworkFileSystem(folder: string): string | undefined {
  if (process.platform !== "linux") return undefined;
  const type = statfsSync(folder).type;
  if (type !== fuseType) return networkTypes.get(type);
  try {
    const name = findMountType(readFileSync("/proc/self/mountinfo", "utf8"), realpathSync(folder));
    return name !== undefined && networkFuse.test(name) ? name : undefined;
  } catch {
    // No /proc: nothing to tell by.
    return undefined;
  }
}
