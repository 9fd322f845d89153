// @ts-check
// `publint` and `attw` on every package as it would be published; needs the build.
import { findPackageFaults } from "./lib/packed.mjs";

const faults = await findPackageFaults();
for (const fault of faults) console.error(fault);
process.exitCode = faults.length === 0 ? 0 : 1;
