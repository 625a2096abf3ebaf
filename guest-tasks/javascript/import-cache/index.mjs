// The cache of an import: where rows wait between the source and their final location. The same as
// guest-tasks/import-cache in Rust, object for object.

import { Bucket, Failure } from "stepwell-task";

/** The cache under `prefix` of `bucket`; everything under it is deleted before an import. */
export class Cache {
  constructor(bucket, prefix) {
    if (!prefix.endsWith("/")) {
      throw Failure.invalidInput(
        `\`cache\` is the prefix \`${prefix}\`: it must end with \`/\`, such as \`cache/orders/\`, ` +
          "because everything under it is deleted before an import",
      );
    }
    this.bucket = new Bucket(bucket);
    this.prefix = prefix;
  }

  /** Refuses a destination inside the cache: the next import would delete it. */
  checkDestination(key) {
    if (!key.startsWith(this.prefix)) return;
    throw Failure.invalidInput(
      `\`destination\` is \`${key}\`, which is inside the cache \`${this.prefix}\`: the next import would delete it`,
    );
  }

  /** Deletes everything under the prefix, and returns how many objects that was. */
  async clear() {
    let deleted = 0;
    for await (const { key } of this.bucket.list(this.prefix)) {
      await this.bucket.delete(key);
      deleted += 1;
    }
    return deleted;
  }

  /** Writes the page of rows that begins with row `offset`, one a line. */
  async writePage(offset, rows) {
    // Between the tokens of a JSON text a line break means nothing; inside of a string there is none.
    const lines = rows.map((row) => `${row.replace(/[\r\n]/g, "")}\n`);
    await this.bucket.put(this.#pageKey(offset), lines.join(""));
  }

  /** Removes the page that begins with row `offset`, if there is one. */
  async removePage(offset) {
    await this.bucket.delete(this.#pageKey(offset));
  }

  /** The pages, in the order of their rows. */
  pages() {
    return this.bucket.list(`${this.prefix}page-`);
  }

  #pageKey(offset) {
    return `${this.prefix}page-${String(offset).padStart(12, "0")}.jsonl`;
  }
}

/** Fails with `InvalidInput` unless the event has members of these types; `?` marks those it may lack. */
export function check(event, members) {
  const refuse = (why) => {
    throw Failure.invalidInput(`the event does not fit this task: ${why}`);
  };
  if (event === null || typeof event !== "object" || Array.isArray(event)) refuse("it is no object");
  for (const [name, kind] of Object.entries(members)) {
    const value = event[name];
    if (kind.endsWith("?") ? value === undefined || value === null : false) continue;
    if (value === undefined) refuse(`missing field \`${name}\``);
    const fits = kind.startsWith("count") ? Number.isInteger(value) && value >= 0 : typeof value === kind.replace("?", "");
    if (!fits) refuse(`\`${name}\` is ${JSON.stringify(value)}`);
  }
}

/**
 * The texts of a JSON array's elements, as they stand there: numbers keep all of their digits. Throws what
 * `JSON.parse` throws.
 */
export function rowTexts(text) {
  if (!Array.isArray(JSON.parse(text))) throw new SyntaxError("it is no array");
  const rows = [];
  const inside = text.slice(text.indexOf("[") + 1, text.lastIndexOf("]"));
  let depth = 0;
  let begin = 0;
  // Strings whole, so that what looks like structure in one is none.
  for (const { 0: token, index } of inside.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{},]/g)) {
    if (token === "[" || token === "{") depth += 1;
    else if (token === "]" || token === "}") depth -= 1;
    else if (token === "," && depth === 0) {
      rows.push(inside.slice(begin, index).trim());
      begin = index + 1;
    }
  }
  const last = inside.slice(begin).trim();
  return last === "" ? rows : [...rows, last];
}
