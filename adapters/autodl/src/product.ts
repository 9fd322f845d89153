import type { HttpClient } from "@gpujob/adapter-kit";
import type { AdapterContext, Lease, LeaseRequest, Offer } from "@gpujob/spec";
import type { AutodlConfig, Site } from "./config.ts";

export type Wait = { readonly signal: AbortSignal };

/** What every part of the adapter works with. */
export interface Parts {
  readonly client: HttpClient;
  readonly config: AutodlConfig;
  readonly site: Site;
  readonly context: AdapterContext;
}

/** A machine as the platform's lists show it. */
export interface Row {
  readonly id: string;
  readonly name?: string | null | undefined;
}

/** What differs between Container Instance Pro and Elastic Deployment. `operation` is the contract method that asks. */
export interface Product<Machine extends Row> {
  listOffers(wait: Wait): Promise<readonly Offer[]>;
  /** Every machine of the account. */
  list(operation: string, wait: Wait): Promise<readonly Machine[]>;
  /** `undefined`: the platform knows no such machine. */
  find(operation: string, id: string, wait: Wait): Promise<Machine | undefined>;
  /** A machine with its price and access. */
  read(operation: string, machine: Machine, wait: Wait): Promise<Lease>;
  /** The same without asking: what is known of a machine that was just made. */
  known(machine: Machine): Lease;
  /** Before a create is sent: throws what speaks against it. */
  check(request: LeaseRequest, wait: Wait): Promise<void>;
  /** Rents. There is no token: never send it twice. */
  create(request: LeaseRequest, name: string, wait: Wait): Promise<Machine>;
  /** The next step towards the machine's end; `false`: there is none any more. */
  end(machine: Machine, wait: Wait): Promise<boolean>;
}
