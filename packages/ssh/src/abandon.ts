import type { ClientChannel } from "ssh2";

/** Closes a channel whose output nobody wants; it counts as closed only once that has been read. */
export function abandon(channel: ClientChannel): void {
  channel.close();
  channel.resume();
  channel.stderr.resume();
}
