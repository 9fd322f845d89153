import { PlatformError, type Channel } from "@gpujob/spec";

/** Adds a line to `authorized_keys` unless it is there, with the permissions that sshd insists on. */
const script = `set -e
umask 077
cd
mkdir -p .ssh
touch .ssh/authorized_keys
chmod 700 .ssh
chmod 600 .ssh/authorized_keys
grep -qxF -e "$1" .ssh/authorized_keys && exit 0
# A last line without an end would run into ours.
[ -z "$(tail -c 1 .ssh/authorized_keys)" ] || echo >>.ssh/authorized_keys
printf '%s\\n' "$1" >>.ssh/authorized_keys`;

/**
 * Lets our key log in from now on. Only for rented machines whose access says `mayInstallKey`. Repeated: changes nothing.
 * Throws `unavailable` with what the machine said when it did not work.
 */
export async function installPublicKey(
  channel: Channel,
  publicKey: string,
  wait: { readonly signal: AbortSignal },
): Promise<void> {
  const execution = channel.exec(["/bin/sh", "-c", script, "sh", publicKey.trim()], wait);
  execution.stdin.end();
  execution.stdout.resume();
  let said = "";
  execution.stderr.on(
    "data",
    (chunk: Buffer) => void (said = (said + chunk.toString()).slice(-500)),
  );
  const { code } = await execution.exit;
  if (code === 0) return;
  throw new PlatformError(
    "unavailable",
    `Our public key could not be installed: ${said.trim() || `exit ${code}`}.`,
    {
      scope: "host",
      operation: "installPublicKey",
      hint: "Check that the home folder on the machine can be written.",
    },
  );
}
