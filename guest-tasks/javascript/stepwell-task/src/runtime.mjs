// From the world's `handle` to a function of Lambda's Node runtime and back.

import * as platform from "#platform";
import { logged, report } from "./errors.mjs";
import { makeProcess, patchConsole, patchFetch, patchTimers } from "./globals.mjs";
import * as sdk from "./index.mjs";

/** The longest payload of a failure that the world takes. */
const REPORTED_BYTES_MAX = 262_144;

/** Ends the invocation with the world's failure. */
class WorldFailure extends Error {
  constructor(error, cause) {
    super(cause);
    this.payload = { error, cause };
  }
}

/**
 * The world's `handler`: loads the task when the first event comes, so that its code sees the environment,
 * the time and the random numbers of the invocation and not those of the build.
 *
 * `load(register)` evaluates the task's module and calls `register` with its exports; `name` is the
 * exported function, perhaps nested (`api.create`); `file` the module's name, for messages.
 */
export function serve(load, name, file) {
  let task;
  let fail = () => {};
  adopt((error) => fail(error));

  async function prepare() {
    let exported;
    await load((found) => (exported = found));
    task = resolve(exported, name, file);
  }

  return {
    prepare,
    async handle(text) {
      const uncaught = new Promise((_, reject) => (fail = reject));
      try {
        if (task === undefined) {
          try {
            await Promise.race([prepare(), uncaught]);
          } catch (error) {
            throw ended("Uncaught Exception", error);
          }
        }
        let answer;
        try {
          answer = stringify(await Promise.race([call(task, JSON.parse(text)), uncaught]));
        } catch (error) {
          throw ended("Invoke Error", error);
        }
        return answer;
      } finally {
        fail = () => {};
      }
    },
  };
}

function adopt(uncaught) {
  // In Node, where tests run, all of this is there.
  if (globalThis.process !== undefined) return;
  globalThis.global = globalThis;
  globalThis.process = makeProcess();
  globalThis[Symbol.for("stepwell.task")] = sdk;
  patchConsole(globalThis.console);
  patchFetch(globalThis);
  patchTimers(globalThis, uncaught);
}

function resolve(exported, name, file) {
  const find = (from) => name.split(".").reduce((nested, key) => nested?.[key], from);
  // What CommonJS exports is under `default` where its names could not be told.
  const found = find(exported) ?? find(exported?.default);
  const handler = `${file.replace(/\.[^./]+$/, "")}.${name}`;
  if (!found) throw notFound(`${handler} is undefined or not exported`);
  if (typeof found !== "function") throw notFound(`${handler} is not a function`);
  return found;
}

function notFound(message) {
  return new sdk.Failure("Runtime.HandlerNotFound", message);
}

/** Calls the task as Lambda would: a promise, a returned value, or Node's callback as the third argument. */
function call(task, event) {
  return new Promise((succeed, reject) => {
    // A promise that is rejected with nothing is `handled`, a callback with no error is an answer.
    const fail = (error) => reject(error ?? "handled");
    const done = (error, answer) => (error === undefined || error === null ? succeed(answer) : reject(error));
    const context = makeContext({ succeed, fail, done });
    let returned;
    try {
      returned = task(event, context, done);
    } catch (error) {
      done(error);
      return;
    }
    if (typeof returned?.then === "function") returned.then(succeed, fail);
    else if (task.length < 3 && (returned !== undefined || !context.usesCallbacks)) succeed(returned);
  });
}

/** Lambda's context object. */
export function makeContext({ succeed, fail, done }) {
  const known = platform.context();
  const environment = globalThis.process?.env ?? {};
  const today = new Date().toISOString().slice(0, 10).replaceAll("-", "/");
  let callbacks = 0;
  const counted = (method) => ({
    get: () => (callbacks++, method),
    enumerable: true,
    configurable: true,
  });
  const context = {
    callbackWaitsForEmptyEventLoop: true,
    functionVersion: known.functionVersion,
    functionName: known.functionName,
    memoryLimitInMB: String(known.memoryLimitMb),
    logGroupName: environment.AWS_LAMBDA_LOG_GROUP_NAME ?? `/aws/lambda/${known.functionName}`,
    logStreamName:
      environment.AWS_LAMBDA_LOG_STREAM_NAME ?? `${today}/[$LATEST]${known.requestId.replaceAll("-", "")}`,
    clientContext: undefined,
    identity: undefined,
    invokedFunctionArn: known.invokedFunctionArn,
    awsRequestId: known.requestId,
    getRemainingTimeInMillis: () => platform.remainingTimeMs(),
  };
  Object.defineProperties(context, { succeed: counted(succeed), fail: counted(fail), done: counted(done) });
  Object.defineProperty(context, "usesCallbacks", { get: () => callbacks > 0, enumerable: false });
  return context;
}

function stringify(answer) {
  try {
    return JSON.stringify(answer === undefined ? null : answer) ?? "null";
  } catch {
    throw new Error("Unable to stringify response body");
  }
}

/** Logs what was thrown as Lambda's runtime does, and makes it the world's failure. */
function ended(what, thrown) {
  platform.log("error", "", `${what} \t${logged(thrown)}`);
  const { errorType, errorMessage, trace } = report(thrown);
  const told = { errorType: String(errorType || "Error"), errorMessage: String(errorMessage), trace };
  const payload = JSON.stringify(told);
  // The world takes no longer ones; what is without a trace then is the failure all the same.
  if (new TextEncoder().encode(payload).length <= REPORTED_BYTES_MAX) platform.reportError(payload);
  return new WorldFailure(told.errorType, told.errorMessage);
}
