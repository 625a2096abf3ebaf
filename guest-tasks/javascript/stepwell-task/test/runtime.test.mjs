// The glue on Node: what a handler returns and throws, and what the world gets of it.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Failure } from "stepwell-task";
import * as testing from "stepwell-task/testing";
import { logged, report } from "../src/errors.mjs";
import { makeProcess, patchConsole } from "../src/globals.mjs";
import { format } from "../src/inspect.mjs";
import { makeContext, serve } from "../src/runtime.mjs";

beforeEach(() => testing.reset());

const run = (handler, event = {}, name = "handler") =>
  serve(async (register) => register({ [name]: handler }), name, "index.mjs").handle(JSON.stringify(event));
const failure = async (handler) => {
  const { payload } = await run(handler).then((answer) => assert.fail(answer), (error) => error);
  return [payload.error, payload.cause];
};

test("promises, values and callbacks are answers", async () => {
  assert.equal(await run(async (event) => event, { a: [1, null] }), '{"a":[1,null]}');
  assert.equal(await run((event) => event.a, { a: 1 }), "1");
  assert.equal(await run((event, context, callback) => void setTimeout(() => callback(null, "late"), 1)), '"late"');
  assert.equal(await run((event, context) => void context.succeed("old")), '"old"');
  assert.equal(await run((event, context) => void context.done(null, "older")), '"older"');
  assert.equal(await run(async () => {}), "null");
  assert.equal(await run(() => {}), "null");
});

test("numbers are as JSON.parse and JSON.stringify have them", async () => {
  const { handle } = serve(async (register) => register({ handler: (event) => event }), "handler", "index.mjs");
  assert.equal(await handle("[9007199254740993, 1.10, 1e400]"), "[9007199254740992,1.1,null]");
});

test("what is thrown fails the invocation as Lambda's runtime reports it", async () => {
  class Custom extends Error {
    name = "CustomError";
  }
  assert.deepEqual(await failure(async () => { throw new TypeError("no"); }), ["TypeError", "no"]);
  assert.deepEqual(await failure(() => { throw new Custom("mine"); }), ["CustomError", "mine"]);
  assert.deepEqual(await failure(async () => { throw new Failure("Market.Closed", "late"); }), ["Market.Closed", "late"]);
  assert.deepEqual(await failure(async () => { throw "text"; }), ["string", "text"]);
  assert.deepEqual(await failure(async () => { throw 7; }), ["number", "7"]);
  assert.deepEqual(await failure(async () => { throw { a: 1 }; }), ["object", "[object Object]"]);
  assert.deepEqual(await failure(() => Promise.reject()), ["string", "handled"]);
  assert.deepEqual(await failure((event, context, callback) => callback(new Error("back"))), ["Error", "back"]);
  assert.deepEqual(await failure((event, context) => context.fail("gone")), ["string", "gone"]);
  assert.equal((await failure(async () => { throw Object.create(null); }))[0], "handled");
  const unmarshalled = ["Error", "Unable to stringify response body"];
  assert.deepEqual(await failure(async () => 1n), unmarshalled);
  assert.deepEqual(await failure(async () => { const a = {}; a.a = a; return a; }), unmarshalled);
  // As on Lambda: a callback with no error is an answer.
  assert.equal(await run(() => { throw null; }), "null");
});

test("a failure is logged with its stack", async () => {
  await failure(async () => { throw Object.assign(new Error("boom"), { code: "E1" }); });
  const [{ level, message }] = testing.log();
  assert.equal(level, "error");
  assert.match(message, /^Invoke Error \t\{"errorType":"Error","errorMessage":"boom","code":"E1","stack":\["Error: boom","    at /);
});

test("a trace begins with the name and message", () => {
  const { trace, ...rest } = report(new RangeError("far"));
  assert.deepEqual(rest, { errorType: "RangeError", errorMessage: "far" });
  assert.equal(trace[0], "RangeError: far");
  assert.deepEqual(report("x"), { errorType: "string", errorMessage: "x", trace: [] });
  assert.equal(JSON.parse(logged("x")).errorMessage, "x");
});

test("a trace of SpiderMonkey becomes one of V8, in the task's own lines", () => {
  globalThis[Symbol.for("stepwell.sources")] = ["src/index.ts"];
  globalThis[Symbol.for("stepwell.places")] = ";IASA,eACM;AAWA";
  const error = new Error("boom");
  error.stack = "deep@task.mjs line 1 > eval:3:25\nasync*handler@task.mjs line 1 > eval:4:9\ncall@task.mjs:9:1\n@task.mjs line 1 > eval:3:6\n";
  assert.deepEqual(report(error).trace, [
    "Error: boom",
    "    at deep (file:///var/task/src/index.ts:11:7)",
    "    at async handler (file:///var/task/src/index.ts:12:1)",
    "    at file:///var/task/src/index.ts:10:1",
  ]);
});

test("a missing handler and a module that fails to load are told by name", async () => {
  const lost = await serve(async (register) => register({}), "api.create", "index.mjs").handle("{}").catch((error) => error);
  assert.deepEqual(lost.payload, { error: "Runtime.HandlerNotFound", cause: "index.api.create is undefined or not exported" });
  const no = await serve(async (register) => register({ handler: 1 }), "handler", "index.mjs").handle("{}").catch((error) => error);
  assert.equal(no.payload.cause, "index.handler is not a function");
  const broken = await serve(async () => { throw new Error("top"); }, "handler", "i.mjs").handle("{}").catch((error) => error);
  assert.deepEqual(broken.payload, { error: "Error", cause: "top" });
  assert.match(testing.log().at(-1).message, /^Uncaught Exception \t/);
  const nested = serve(async (register) => register({ default: { api: { create: () => 1 } } }), "api.create", "i.cjs");
  assert.equal(await nested.handle("{}"), "1");
});

test("the context has Lambda's members", () => {
  const context = makeContext({});
  assert.equal(context.memoryLimitInMB, "128");
  assert.equal(context.functionName, "test");
  assert.match(context.logStreamName, /^\d{4}\/\d\d\/\d\d\/\[\$LATEST\][0-9a-f]{32}$/);
  assert.ok(context.getRemainingTimeInMillis() <= 3000);
});

test("console logs with levels, process.env is the invocation's", () => {
  const target = {};
  patchConsole(target);
  for (const method of ["trace", "debug", "info", "log", "warn", "error", "fatal"]) target[method]("%s!", method);
  assert.deepEqual(testing.log().map(({ level }) => level), ["trace", "debug", "info", "info", "warn", "error", "critical"]);
  assert.equal(testing.log()[3].message, "log!");
  const late = makeProcess();
  testing.environment({ A: "1" });
  assert.equal(late.env.A, "1");
});

test("values are written as Node writes them", async () => {
  const util = await import("node:util");
  const values = [
    ["text", 1, -0, 1n, null, undefined, true, Symbol("s")],
    [{ a: 1, "b-c": "it's", d: [1, [2, [3, [4]]]], e: { f: { g: { h: 1 } } } }],
    [[], {}, new Map([["k", { v: 1 }]]), new Set([1]), new Date(0), /x/g],
    ["%s %d %i %j %o%% %x", "s", 1.5, 1.5, { a: 1 }, [1]].slice(0, 5),
    [function named() {}, class Named {}, () => {}],
    [new (class Thing { x = 1; })(), Object.create(null), new Uint8Array(3)],
    [{ get a() { return 1; }, set a(v) {}, [Symbol("k")]: 2 }],
    [{ long: "x".repeat(60), other: "y".repeat(60) }],
  ];
  for (const value of values) assert.equal(format(value), util.format(...value));
});
