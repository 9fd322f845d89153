import type { Client, ParsedKey } from "ssh2";

type Sign = (data: Buffer, done: (signature: Buffer) => void) => void;

/**
 * Offers each of these keys together with its signature, where ssh2 would ask first whether the server takes the key: a
 * round trip less. For keys at hand, which sign in a moment; an agent may have to ask a person. RSA keys are asked for as
 * before: which signature the server takes is to be found out. Call it once the client has begun to connect. An ssh2 that
 * is made otherwise goes on as it is.
 */
export function offerSignature(client: Client, keys: readonly ParsedKey[]): void {
  const protocol: unknown = Reflect.get(client, "_protocol");
  if (typeof protocol !== "object" || protocol === null) return;
  const offer: unknown = Reflect.get(protocol, "authPK");
  if (typeof offer !== "function") return;
  const call = (...given: readonly unknown[]): void => void Reflect.apply(offer, protocol, given);
  const offerAtOnce = (user: string, key: unknown, algorithm?: string, sign?: Sign): void => {
    const own = keys.find((one) => one === key && one.type !== "ssh-rsa");
    if (sign !== undefined || own === undefined) {
      call(user, key, algorithm, sign);
      return;
    }
    const signAtOnce: Sign = (data, done) => {
      const signature = own.sign(data);
      // Asked for it again, ssh2 tells why the key does not sign.
      if (signature instanceof Error) call(user, key, algorithm);
      else done(signature);
    };
    call(user, key, algorithm, signAtOnce);
  };
  Object.assign(protocol, { authPK: offerAtOnce });
}
