import { readFileSync, readdirSync, writeFileSync } from "node:fs";

const folder = new URL("../shell/", import.meta.url);

/** The module `shell-scripts.ts` as text: the scripts are there from sources and from a bundle. */
export function renderScripts(): string {
  const parts = readdirSync(new URL("supervisor/", folder)).toSorted();
  const supervisor = parts.map((part) => readScript(`supervisor/${part}`)).join("");
  return [
    "// Generated from src/shell/ by `npm run embed -w packages/host`. Change the scripts there.",
    renderConstant("supervisorScript", "Runs on the machine; see the README.", supervisor),
    renderConstant("jobScript", "Read by the login shell of the job.", readScript("job.sh")),
    renderConstant("helloScript", "Installs the supervisor.", readScript("hello.sh")),
    renderConstant("factsScript", "Reads what the machine is.", readScript("facts.sh")),
    renderConstant("probeScript", "Measures what the machine does.", readProbe()),
  ].join("\n");
}

/** The probe carries its Python part along: nothing is installed on the machine. */
function readProbe(): string {
  const python = readScript("probe.py").trim();
  return readScript("probe.sh").replace("@python@", () => python);
}

/** A script without its comment lines: they stay here, the machine gets what it runs. */
function readScript(path: string): string {
  return readFileSync(new URL(path, folder), "utf8")
    .replace(/^[ \t]*#.*\n/gm, "")
    .replace(/\n{2,}/g, "\n");
}

function renderConstant(name: string, comment: string, text: string): string {
  const escaped = text.replace(/[\\`]/g, String.raw`\$&`).replaceAll("${", "\\${");
  return `/** ${comment} */\nexport const ${name} = \`${escaped}\`;\n`;
}

if (import.meta.main) {
  writeFileSync(new URL("../shell-scripts.ts", import.meta.url), renderScripts());
}
