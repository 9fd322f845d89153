import { describe, it } from "vitest";
import { placeEnvironment } from "./place-environment.ts";

const job = { environment: {}, secrets: {} };
const environment = {
  HF_ENDPOINT: "https://mirror.example",
  PIP_INDEX_URL: "https://pip.example/simple",
  GIT_CONFIG_COUNT: "1",
  GIT_CONFIG_KEY_0: "http.https://code.example/.proxy",
  GIT_CONFIG_VALUE_0: "http://proxy.example:8080",
};

describe("the variables of a place", () => {
  it("are given to the job, unless it wants none", ({ expect }) => {
    expect(placeEnvironment(job, { environment })).toEqual(environment);
    expect(placeEnvironment({ ...job, mirrors: "none" }, { environment })).toEqual({});
    expect(placeEnvironment(job, {})).toEqual({});
  });

  it("yield to what the job sets itself, Git's all together", ({ expect }) => {
    const own = { PIP_INDEX_URL: "https://own.example", GIT_CONFIG_COUNT: "0" };
    expect(placeEnvironment({ ...job, environment: own }, { environment })).toEqual({
      HF_ENDPOINT: environment.HF_ENDPOINT,
    });
  });

  it("send no token of Hugging Face to a mirror", ({ expect }) => {
    const secrets = { HF_TOKEN: { env: "HF_TOKEN" } };
    expect(placeEnvironment({ ...job, secrets }, { environment })).not.toHaveProperty(
      "HF_ENDPOINT",
    );
  });
});
