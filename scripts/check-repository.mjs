// @ts-check
// What no tool knows: our own layers, and traces of the machine that the files were written on.
import { findForbiddenDependencies } from "./lib/layers.mjs";
import { findTraces } from "./lib/traces.mjs";

const faults = [...findForbiddenDependencies(), ...findTraces()];
for (const fault of faults) console.error(fault);
process.exitCode = faults.length === 0 ? 0 : 1;
