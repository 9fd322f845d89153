import { Secret } from "@gpujob/spec";
import { it } from "vitest";
import { signRequest } from "./sign.ts";

const keys = { publicKey: new Secret("public"), privateKey: new Secret("private") };
const url = new URL("https://api.example.com/");

it("signs names and values in the order of their names, with the private key behind them", ({
  expect,
}) => {
  const form = { Zone: "z", Action: "A", "Disks.0.IsBoot": "true", Limit: "10" };
  const body = new URLSearchParams(form).toString();
  const signed = signRequest({ method: "POST", url, headers: {}, body }, keys);
  // printf 'ActionADisks.0.IsBoottrueLimit10PublicKeypublicZonezprivate' | sha1sum
  const wanted = "c1cc0c58cc78147eecb7d4e272d5d09b97f6234b";
  const sent = new URLSearchParams(signed.body);
  expect(sent.get("Signature")).toBe(wanted);
  expect(sent.get("PublicKey")).toBe("public");
  expect(signed.body).not.toContain("private");
});
