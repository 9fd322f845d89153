// @ts-check
import { spawn } from "node:child_process";
import { repository, toolEnvironment } from "./install.mjs";

/**
 * @typedef {object} CommandResult
 * @property {number} code Exit code; 128 and more after a signal.
 * @property {string} output Both streams in order of arrival; empty when they were passed on.
 */

/**
 * Runs a tool of the project in the repository's folder.
 *
 * @param {readonly string[]} command
 * @param {{ show?: boolean, env?: Record<string, string> }} [options] `show`: pass its output on as it comes.
 * @returns {Promise<CommandResult>}
 */
export function runCommand([file = "", ...words], { show = false, env = {} } = {}) {
  return new Promise((resolve) => {
    const child = spawn(file, words, {
      cwd: repository,
      env: { ...toolEnvironment(), ...(show ? {} : { NO_COLOR: "1" }), ...env },
      stdio: show ? ["ignore", "inherit", "inherit"] : ["ignore", "pipe", "pipe"],
    });
    /** @type {Buffer[]} */
    const chunks = [];
    child.stdout?.on("data", (chunk) => chunks.push(chunk));
    child.stderr?.on("data", (chunk) => chunks.push(chunk));
    child.on("error", (error) => resolve({ code: 127, output: `${file}: ${error.message}` }));
    child.on("close", (code, signal) => {
      const output = Buffer.concat(chunks).toString();
      resolve({ code: code ?? (signal === "SIGINT" ? 130 : 143), output });
    });
  });
}
