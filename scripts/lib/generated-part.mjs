// @ts-check

/**
 * Puts text between the two marks `<!-- begin NAME … -->` and `<!-- end NAME -->` of a page. Throws when a mark is missing.
 *
 * @param {string} page
 * @param {string} name
 * @param {string} text
 */
export function replacePart(page, name, text) {
  const part = new RegExp(`(<!-- begin ${name}\\b[^>]*-->\n)[^]*?(<!-- end ${name} -->)`);
  if (!part.test(page)) throw new Error(`The page has no part named ${name}.`);
  return page.replace(part, (_, begin, end) => `${begin}\n${text}\n\n${end}`);
}
