/** What an answer is made of. A list becomes `<item>` elements, and `undefined` is left out. */
export type Xml =
  | string
  | number
  | boolean
  | undefined
  | readonly Xml[]
  | { readonly [name: string]: Xml };

export function toXml(name: string, value: Xml, attributes = ""): string {
  if (value === undefined) return "";
  return `<${name}${attributes}>${inner(value)}</${name}>`;
}

function inner(value: Exclude<Xml, undefined>): string {
  if (typeof value !== "object") return escapeXml(String(value));
  if (isList(value)) return value.map((item) => toXml("item", item)).join("");
  return Object.entries(value)
    .map(([name, part]) => toXml(name, part))
    .join("");
}

function isList(value: object): value is readonly Xml[] {
  return Array.isArray(value);
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
