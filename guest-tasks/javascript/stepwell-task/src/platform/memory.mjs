// A world in memory: what tests of tasks run in, on Node. `stepwell-task/testing` looks into it.

import { createHash } from "node:crypto";

export const world = { buckets: new Map(), log: [], source: undefined, environment: {}, deadline: 0 };

export function reset() {
  Object.assign(world, { buckets: new Map(), log: [], source: undefined, environment: {}, deadline: Date.now() + 3000 });
}
reset();

export const log = (level, context, message) => world.log.push({ level, context, message });
export const reportError = (payload) => (world.reported = payload);
export const remainingTimeMs = () => Math.max(0, world.deadline - Date.now());
export const environment = () => ({ ...world.environment });
export const context = () => ({
  requestId: "00000000-0000-4000-8000-000000000000",
  functionName: "test",
  functionVersion: "$LATEST",
  invokedFunctionArn: "arn:aws:lambda:us-east-1:123456789012:function:test",
  memoryLimitMb: 128,
  deadlineMs: BigInt(world.deadline),
});

export const buckets = {
  get(bucket, key, range) {
    const { info, body } = stored(bucket, key);
    if (range === undefined) return { info, body: body.slice() };
    const first = Number(range.first);
    if (first >= body.length) throw answer("invalid-range", `the object has ${body.length} bytes`);
    return { info, body: body.slice(first, range.last === undefined ? undefined : Number(range.last) + 1) };
  },
  put(bucket, key, body) {
    const etag = `"${createHash("md5").update(body).digest("hex")}"`;
    const info = { key, size: BigInt(body.length), etag, lastModifiedMs: BigInt(Date.now()) };
    of(bucket).set(key, { info, body: body.slice() });
    return info;
  },
  head: (bucket, key) => stored(bucket, key).info,
  list(bucket, prefix, next, limit = 1000) {
    const order = (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b));
    const keys = [...of(bucket).keys()].filter((key) => key.startsWith(prefix)).sort(order);
    const rest = next === undefined ? keys : keys.filter((key) => order(key, next) > 0);
    const page = rest.slice(0, limit);
    return {
      objects: page.map((key) => of(bucket).get(key).info),
      next: rest.length > page.length ? page.at(-1) : undefined,
    };
  },
  copy(fromBucket, fromKey, toBucket, toKey) {
    return buckets.put(toBucket, toKey, stored(fromBucket, fromKey).body);
  },
  delete: (bucket, key) => void of(bucket).delete(key),
  create(bucket, key) {
    of(bucket);
    const pieces = [];
    return { bucket, key, pieces, write: (piece) => void pieces.push(piece) };
  },
  finish: ({ bucket, key, pieces }) => buckets.put(bucket, key, new Uint8Array(Buffer.concat(pieces))),
};

export async function httpGet({ secure, authority, path }, headers, { fail }) {
  if (!world.source) throw fail("Unreachable", "there is no source: call `testing.source`");
  const { status = 200, headers: sent = [], body = "" } = await world.source(
    `${secure ? "https" : "http"}://${authority}${path}`, headers);
  return { status, headers: sent, body: typeof body === "string" ? new TextEncoder().encode(body) : body };
}

function of(bucket) {
  const objects = world.buckets.get(bucket);
  if (!objects) throw answer("no-such-bucket", `there is no bucket \`${bucket}\``);
  return objects;
}

function stored(bucket, key) {
  const object = of(bucket).get(key);
  if (!object) throw answer("no-such-key", `there is no \`${key}\``);
  return object;
}

function answer(tag, val) {
  return Object.assign(new Error(val), { payload: { tag, val } });
}
