import { describe, it } from "vitest";
import { configSchema } from "../src/config.ts";

const good = { ssh: "ssh -p 34222 root@i-1.gpushare.com", sheet: "gpushare/rtx4090" };

function problemsOf(...hosts: readonly object[]): readonly string[] {
  const answer = configSchema.safeParse({ hosts });
  return answer.success ? [] : answer.error.issues.map(({ message }) => message);
}

describe("the configuration", () => {
  it("takes a pasted login command, whose user name may hold an @", ({ expect }) => {
    const { hosts } = configSchema.parse({
      hosts: [
        { ...good, password: { env: "HY_PASSWORD" } },
        {
          ssh: "ssh -p 30022 me@root@ssh-1.example@direct.virtaicloud.com",
          platform: "virtaicloud",
          gpu: "RTX 4090 24GB",
          price: "2 CNY/h",
        },
      ],
    });
    expect(hosts.map(({ ssh }) => ssh)).toEqual([
      { host: "i-1.gpushare.com", port: 34_222, user: "root" },
      { host: "direct.virtaicloud.com", port: 30_022, user: "me@root@ssh-1.example" },
    ]);
  });

  it.for([
    [{ ssh: "box" }, "Name a price sheet"],
    [{ ssh: "box", gpu: "RTX 4090 24GB" }, "Name a price sheet"],
    [{ ...good, sheet: "gpushare/rtx9090" }, "there are gpushare/rtx4090"],
    [{ ...good, sheet: "nobody/rtx4090" }, "there are autodl"],
    [{ ssh: "box", gpu: "A100", price: "3 CNY/h" }, "several memory sizes"],
    [{ ssh: "box", gpu: "GTX", price: "3 CNY/h" }, "Nobody knows a card"],
    [{ ...good, platform: "moon" }, "Nothing is known of a platform moon"],
    [{ ...good, password: { env: "P" }, key: "~/.ssh/id" }, "Give one of password and key"],
    [{ ...good, selfEnd: true }, "selfEnd needs a platform"],
    [{ ...good, ssh: "ssh -x box" }, "the option -x is not read here"],
  ] as const)("refuses %j and says why", ([host, words], { expect }) => {
    expect(problemsOf(host).join(" ")).toContain(words);
  });

  it("refuses one machine twice", ({ expect }) => {
    expect(problemsOf(good, good).join(" ")).toContain("is there twice");
  });
});
