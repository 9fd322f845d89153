import { it } from "vitest";
import { dataEnvironment } from "./data-environment.ts";

it("names the folder of each data set where the platform has it, and an empty one elsewhere", ({
  expect,
}) => {
  const data = [{ name: "my-corpus.v2", at: { lab: "/data/corpus" } }];
  expect(dataEnvironment({ data }, "lab")).toEqual({ GPUJOB_DATA_MY_CORPUS_V2: "/data/corpus" });
  expect(dataEnvironment({ data }, "autodl")).toEqual({ GPUJOB_DATA_MY_CORPUS_V2: "" });
  expect(dataEnvironment({ data }, "constructor")).toEqual({ GPUJOB_DATA_MY_CORPUS_V2: "" });
  expect(dataEnvironment({}, "lab")).toEqual({});
});
