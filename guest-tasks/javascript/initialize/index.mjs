// The first step of an import: empties the cache and sets the state to the beginning.
//
// A cache that an earlier execution left behind is gone afterwards. Trying again is harmless.

import { Cache, check } from "../import-cache/index.mjs";

export async function handler(state) {
  check(state, { bucket: "string", cache: "string", destination: "string?" });
  const { bucket, cache: prefix, destination, continue: _, offset: __, ...rest } = state;
  const cache = new Cache(bucket, prefix);
  if (destination != null) cache.checkDestination(destination);

  const deleted = await cache.clear();
  console.info(`${deleted} objects deleted from the cache \`${prefix}\``);
  return { bucket, cache: prefix, destination: destination ?? undefined, continue: true, offset: 0, ...rest };
}
