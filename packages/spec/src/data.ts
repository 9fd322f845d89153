/** A data set or model that a job reads and that is too large to be sent along. */
export interface DataNeed {
  readonly name: string;
  /** Absent: not known. */
  readonly sizeGib?: number;
  /** Folders in which platforms have it already, by the configured name. */
  readonly at: Readonly<Record<string, string>>;
}

/** What has to be brought to a place before a job can work there, and what need not be. */
export interface DataMove {
  /** Of the data; `files` for what this computer sends. */
  readonly name: string;
  /** Bytes to be moved to each node; 0: it is there. Absent: not known. */
  readonly bytes?: number;
  /** Bytes that are there already. */
  readonly thereBytes?: number;
  /** Where it is. */
  readonly path?: string;
  /** How long the move takes; absent: not known. */
  readonly seconds?: number;
  /** One clause for people. */
  readonly why: string;
}
