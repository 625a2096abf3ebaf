// Buckets and HTTP in a world in memory.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Bucket, http } from "stepwell-task";
import * as testing from "stepwell-task/testing";

beforeEach(() => testing.reset());
const name = (promise) => promise.then((answer) => assert.fail(answer), (error) => error.name);

test("an object is written, read, listed, copied and deleted", async () => {
  testing.bucket("orders");
  const bucket = new Bucket("orders");
  const info = await bucket.put("a/1", "héllo");
  assert.equal(info.size, 6);
  assert.ok(info.lastModified instanceof Date);
  assert.equal((await bucket.get("a/1")).text(), "héllo");
  assert.deepEqual([...(await bucket.get("a/1", { first: 1, last: 2 })).body], [195, 169]);
  await bucket.copy("a/1", bucket, "a/2");
  const keys = [];
  for await (const { key } of bucket.list("a/")) keys.push(key);
  assert.deepEqual(keys, ["a/1", "a/2"]);
  await bucket.delete("a/2");
  await bucket.delete("a/2");
  assert.deepEqual(testing.keys("orders"), ["a/1"]);
});

test("a listing goes through all pages", async () => {
  for (let at = 0; at < 2500; at++) testing.put("orders", `cache/${String(at).padStart(4, "0")}`, "");
  let count = 0;
  for await (const _ of new Bucket("orders").list("cache/")) count++;
  assert.equal(count, 2500);
});

test("errors have the names of the Rust SDK and say what was tried", async () => {
  testing.put("orders", "key", "0123");
  const bucket = new Bucket("orders");
  assert.equal(await name(bucket.get("missing")), "Buckets.NoSuchKey");
  assert.equal(await name(bucket.get("key", { first: 4 })), "Buckets.InvalidRange");
  assert.equal(await name(new Bucket("none").head("x")), "Buckets.NoSuchBucket");
  await assert.rejects(bucket.get("missing"), /^Buckets.NoSuchKey: cannot read `missing` in bucket `orders`: /);
});

test("large objects are read and written in parts", async () => {
  testing.bucket("orders");
  const bucket = new Bucket("orders");
  const writer = await bucket.create("large");
  for (let at = 0; at < 40; at++) await writer.write(new Uint8Array(100_000).fill(at));
  assert.deepEqual(testing.keys("orders"), []);
  assert.equal((await writer.finish()).size, 4_000_000);
  let size = 0;
  for await (const part of bucket.open("large")) size += part.length;
  assert.equal(size, 4_000_000);
  testing.put("orders", "empty", "");
  for await (const _ of bucket.open("empty")) assert.fail();
});

test("an object that is replaced while it is read is an error", async () => {
  testing.put("orders", "key", "a".repeat(3 << 20));
  const reading = (async () => {
    for await (const _ of new Bucket("orders").open("key")) testing.put("orders", "key", "b".repeat(3 << 20));
  })();
  assert.equal(await name(reading), "Buckets.Changed");
});

test("answers of any status are answers, until one asks for success", async () => {
  testing.source((url) => ({ status: url.endsWith("/bad") ? 503 : 200, body: "[1]" }));
  assert.deepEqual((await http.get("http://s/good")).success().json(), [1]);
  const answer = await http.get("http://s/bad");
  assert.equal(answer.status, 503);
  assert.throws(() => answer.success(), { name: "Http.Status", status: 503 });
});

test("what is no URL is refused, and half a body is an error", async () => {
  for (const url of ["x", "ftp://a/", "http:///", "http://u:p@a/", "http://a/ b"]) {
    assert.equal(await name(http.get(url)), "Http.InvalidUrl", url);
  }
  testing.source(() => ({ headers: [["Content-Length", "9"]], body: "[1" }));
  assert.equal(await name(http.get("http://s/")), "Http.Interrupted");
});
