// The import's tasks: the same cases as those in Rust.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import * as testing from "stepwell-task/testing";
import { rowTexts } from "../import-cache/index.mjs";
import { handler as initialize } from "../initialize/index.mjs";
import { handler as persist } from "../persist/index.mjs";

beforeEach(() => {
  testing.reset();
  testing.bucket("orders");
});
const name = (promise) => promise.then((answer) => assert.fail(answer), (error) => error.name);
const place = { bucket: "orders", cache: "cache/" };

test("initialize: a stale cache and a stale state are gone", async () => {
  testing.put("orders", "cache/page-000000000000.jsonl", "{}\n");
  const answer = await initialize({ ...place, offset: 75, continue: false, x: 1 });
  assert.equal(JSON.stringify(answer), '{"bucket":"orders","cache":"cache/","continue":true,"offset":0,"x":1}');
  assert.deepEqual(testing.keys("orders"), []);
});

test("initialize: what would delete too much is refused", async () => {
  testing.put("orders", "cache/old", "");
  assert.equal(await name(initialize({ ...place, destination: "cache/o.jsonl" })), "InvalidInput");
  for (const cache of ["", "cache"]) assert.equal(await name(initialize({ bucket: "orders", cache })), "InvalidInput");
  assert.equal(await name(initialize({ bucket: "orders" })), "InvalidInput");
  assert.deepEqual(testing.keys("orders"), ["cache/old"]);
});

test("rows keep their texts", () => {
  const text = '[{"amount": 1.10,\n "id": 9007199254740993},\r\n{"text": "a\\nb,\\"]"}, 1e400, [1,[2]], "x,y" ]';
  assert.deepEqual(rowTexts(text), [
    '{"amount": 1.10,\n "id": 9007199254740993}', '{"text": "a\\nb,\\"]"}', "1e400", "[1,[2]]", '"x,y"',
  ]);
  assert.deepEqual(rowTexts(" [ ] "), []);
  for (const bad of ['{"rows":[]}', "[1,", "<html>", "", "1"]) assert.throws(() => rowTexts(bad), SyntaxError);
});

test("persist: pages become one object in the order of rows, and again", async () => {
  testing.put("orders", "cache/page-000000000002.jsonl", '{"id":3}\n');
  testing.put("orders", "cache/page-000000000000.jsonl", '{"id":1}\n{"id":2}\n');
  const event = { ...place, destination: "orders.jsonl", offset: 3 };
  const first = await persist(event);
  assert.equal(first.rows, 3);
  assert.equal(first.object.size, 27);
  assert.equal(testing.object("orders", "orders.jsonl"), '{"id":1}\n{"id":2}\n{"id":3}\n');
  assert.equal(JSON.stringify(await persist(first)), JSON.stringify(first));
});

test("persist: a cache that is not what was fetched is refused and the old object stays", async () => {
  testing.put("orders", "orders.jsonl", "of yesterday");
  testing.put("orders", "cache/page-000000000000.jsonl", "1\n2\n");
  const event = { ...place, destination: "orders.jsonl", offset: 3 };
  assert.equal(await name(persist(event)), "Cache.Inconsistent");
  assert.equal(testing.object("orders", "orders.jsonl"), "of yesterday");
  assert.equal((await persist({ ...event, rejected: 1 })).rows, 2);
});
