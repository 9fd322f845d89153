export { openHost } from "./session.ts";
export type { HostOptions } from "./session.ts";
