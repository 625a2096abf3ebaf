// The last step of an import: puts the cached rows at their final location, one object of JSON Lines.
//
// Streams page by page, so the rows need not fit into the function's memory. The object appears as a whole
// or not at all, and trying again replaces it. An import without rows ends with an empty object.

import { Failure } from "stepwell-task";
import { Cache, check } from "../import-cache/index.mjs";

const LINE_END = 10;

export async function handler(state) {
  check(state, { bucket: "string", cache: "string", destination: "string", offset: "count?", rejected: "count?" });
  const { bucket, cache: prefix, destination, offset, rejected, rows: _, object: __, ...rest } = state;
  const cache = new Cache(bucket, prefix);
  cache.checkDestination(destination);

  const writer = await cache.bucket.create(destination);
  let rows = 0;
  for await (const page of cache.pages()) {
    for await (const part of cache.bucket.open(page.key)) {
      for (let at = part.indexOf(LINE_END); at >= 0; at = part.indexOf(LINE_END, at + 1)) rows += 1;
      await writer.write(part);
    }
  }
  if (offset != null && rows + (rejected ?? 0) !== offset) {
    throw new Failure(
      "Cache.Inconsistent",
      `the cache \`${prefix}\` holds ${rows} rows, but ${offset} were fetched and ${rejected ?? 0} rejected: ` +
        "does another execution use the same cache?",
    );
  }
  const { key, size, etag } = await writer.finish();

  console.info(`${rows} rows in \`${key}\``);
  return {
    bucket, cache: prefix, destination, offset: offset ?? undefined, rejected: rejected ?? undefined, rows,
    object: { bucket, key, size, etag }, ...rest,
  };
}
