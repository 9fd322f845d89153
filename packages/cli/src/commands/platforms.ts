import { defineCommand } from "../definition.ts";
import { listFlag, textFlag, usage } from "../flags.ts";
import { renderPlatforms } from "../render/places.ts";
import { addPlatform } from "../run/add-platform.ts";

/** Lists, adds and removes platforms. */
export const platforms = defineCommand({
  name: "platforms",
  summary: "List the platforms that are configured, add one, remove one",
  examples: [
    "gpujob platforms",
    "gpujob platforms add autodl --adapter autodl --secret token",
    `gpujob platforms add lab --adapter ssh-host --set 'hosts=[{ ssh: "me@10.0.0.5" }]'`,
    "gpujob platforms remove autodl",
  ],
  args: {
    action: { summary: "list (default), add or remove", options: ["list", "add", "remove"] },
    name: { summary: "Platform, for add and remove" },
  },
  flags: {
    adapter: textFlag("For add: which adapter speaks with it", "ADAPTER"),
    set: listFlag(
      "For add: a setting of the adapter, its value as YAML; may be repeated",
      "KEY=VALUE",
    ),
    secret: listFlag("For add: a setting that is asked for, or read as a line of stdin", "KEY"),
  },
  run: async ({ flags, args }, context) => {
    const gpujob = await context.gpujob();
    if (args.action === undefined || args.action === "list") {
      const data = await gpujob.platforms();
      return { data, lines: (view) => renderPlatforms(data, view) };
    }
    const { name } = args;
    if (name === undefined)
      throw usage(`platforms ${args.action} needs a name.`, "Such as lab or autodl.");
    if (args.action === "remove") {
      await gpujob.removePlatform(name);
      return { data: { name }, lines: () => [`Removed ${name}, with the secrets kept for it.`] };
    }
    const { offers } = await addPlatform(gpujob, name, flags, context);
    const data = { name, offers };
    return { data, lines: () => [`Added ${name}: it answers, with ${offers} offers.`] };
  },
});
