import { describe, it } from "vitest";
import { listSecrets, splitSecrets } from "./job-secrets.ts";

const registry = { user: "robot", password: { env: "REGISTRY_PASSWORD" } };

describe("the secrets of a job", () => {
  it("include the log-in to its registry, which is not for the job", ({ expect }) => {
    const secrets = { TOKEN: { env: "TOKEN" } };
    expect(listSecrets({ secrets })).toEqual(secrets);
    expect(Object.values(listSecrets({ secrets, registry }))).toEqual([
      { env: "TOKEN" },
      { env: "REGISTRY_PASSWORD" },
    ]);
    const names = Object.keys(listSecrets({ secrets, registry }));
    const values = Object.fromEntries(names.map((name) => [name, `value of ${name}`]));
    expect(splitSecrets({ registry }, values)).toEqual({
      secrets: { TOKEN: "value of TOKEN" },
      login: { user: "robot", password: "value of registry.password" },
    });
  });

  it("may refer to the user's name too", ({ expect }) => {
    const hidden = { ...registry, user: { file: "/user" } };
    const values = Object.fromEntries(
      Object.keys(listSecrets({ secrets: {}, registry: hidden })).map((name) => [name, name]),
    );
    expect(splitSecrets({ registry: hidden }, values).login).toEqual({
      user: "registry.user",
      password: "registry.password",
    });
    expect(splitSecrets({}, { A: "1" })).toEqual({ secrets: { A: "1" } });
  });
});
