// For tests of tasks: a world in memory, one at a time.

import { buckets, reset, world } from "./platform/memory.mjs";

export { reset };

/** Makes an empty bucket. */
export function bucket(name) {
  if (!world.buckets.has(name)) world.buckets.set(name, new Map());
}

/** Puts an object, and makes its bucket. */
export function put(name, key, body) {
  bucket(name);
  buckets.put(name, key, typeof body === "string" ? new TextEncoder().encode(body) : body);
}

/** An object as text; `undefined` if there is none. */
export function object(name, key) {
  const found = world.buckets.get(name)?.get(key);
  return found && new TextDecoder().decode(found.body);
}

/** The keys of a bucket, in order. */
export function keys(name) {
  return [...(world.buckets.get(name)?.keys() ?? [])].sort();
}

/** Answers HTTP requests: `source((url, headers) => ({ status, headers, body }))`. */
export function source(answer) {
  world.source = answer;
}

/** Sets the environment that `process.env` shows. */
export function environment(variables) {
  world.environment = variables;
}

/** What was logged so far. */
export function log() {
  return world.log;
}
