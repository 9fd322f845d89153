import { defineCommand } from "../definition.ts";
import { booleanFlag, textFlag } from "../flags.ts";
import { present } from "../present.ts";
import { renderAudit } from "../render/audit.ts";

/** Shows what is billing now. */
export const audit = defineCommand({
  name: "audit",
  summary: "Show what is billing now, on every platform; exit code 123 when unsure",
  examples: ["gpujob audit", "gpujob audit --fix", "gpujob audit --ended i-0abc"],
  args: {},
  flags: {
    fix: booleanFlag("Release what is ours and past its deadline"),
    ended: textFlag("You vouch that this machine has ended", "LEASE"),
  },
  run: async ({ flags }, context) => {
    const gpujob = await context.gpujob();
    const { ended } = flags;
    const options = { fix: flags.fix, ...present({ ended }) };
    const data = await gpujob.audit(options, { signal: context.signal });
    const count = data.unconfirmed.length;
    const failure = {
      kind: "release_unconfirmed",
      message: `It is not confirmed that ${count === 1 ? "1 machine has" : `${count} machines have`} ended.`,
      hint: "gpujob audit --fix tries again; --ended LEASE is your word that it has ended.",
    } as const;
    return {
      data,
      lines: (view) => renderAudit(data, view),
      ...(count > 0 ? { failure } : {}),
    };
  },
});
