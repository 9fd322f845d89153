import type { KeyLore } from "./problems.ts";

const later = {
  matrix: "Submit one job per combination, with -e for what differs.",
} as const;

/** What the parser knows about keys of the job file that the schema does not hold. */
export const jobKeyLore: KeyLore = {
  later: {
    matrix: later.matrix,
    parallel: later.matrix,
  },
  peers: {
    accelerators: "resources.gpu",
    gpus: "resources.gpu",
    num_nodes: "resources.nodes",
    envs: "env",
    environment: "env",
    file_mounts: "files",
    mounts: "files",
    command: "run",
    commands: "run",
    script: "run",
    timeout: "limits.time",
    budget: "limits.budget",
    docker: "image",
    spot: "market: spot",
    use_spot: "market: spot",
    "resources.accelerators": "resources.gpu",
    "resources.cpus": "resources.cpu",
    "resources.disk_size": "resources.disk",
    "resources.use_spot": "market: spot, at the top",
    "resources.ports": "ports, at the top",
  },
};
