// What a task finds around it on Lambda and not in StarlingMonkey: `console` that logs with levels,
// `process.env`, errors of `fetch` that look like Node's.

import * as platform from "#platform";
import { format } from "./inspect.mjs";

const LEVELS = { trace: "trace", debug: "debug", info: "info", log: "info", warn: "warn", error: "error", fatal: "critical" };

/** Lets `console`'s methods log as Lambda's do. */
export function patchConsole(target) {
  for (const [method, level] of Object.entries(LEVELS)) {
    target[method] = (...values) => platform.log(level, "", format(values));
  }
  target.dir = (value) => target.log(value);
}

/** The variables that Lambda itself sets, as far as they are known here. */
function ofLambda(context) {
  return {
    AWS_LAMBDA_FUNCTION_NAME: context.functionName,
    AWS_LAMBDA_FUNCTION_VERSION: context.functionVersion,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(context.memoryLimitMb),
    AWS_REGION: context.invokedFunctionArn.split(":")[3] || "us-east-1",
    LAMBDA_TASK_ROOT: "/var/task",
    TZ: ":UTC",
  };
}

/** A `process` of which the environment is read when somebody asks for it. */
export function makeProcess() {
  let variables;
  const exit = (code = 0) => {
    throw Object.assign(new Error(`process.exit(${code}) is not supported`), { name: "Runtime.ExitError" });
  };
  return {
    get env() {
      return (variables ??= { ...ofLambda(platform.context()), ...platform.environment() });
    },
    set env(value) {
      variables = value;
    },
    argv: ["/var/lang/bin/node", "/var/runtime/index.mjs"],
    platform: "linux",
    arch: "wasm32",
    pid: 1,
    version: "v22.0.0",
    versions: { node: "22.0.0" },
    cwd: () => "/var/task",
    uptime: () => performance.now() / 1000,
    nextTick: (task, ...values) => queueMicrotask(() => task(...values)),
    hrtime: Object.assign(
      (since) => {
        const now = performance.now();
        const time = [Math.floor(now / 1000), Math.round((now % 1000) * 1e6)];
        if (since === undefined) return time;
        const borrow = time[1] < since[1] ? 1 : 0;
        return [time[0] - since[0] - borrow, time[1] - since[1] + borrow * 1e9];
      },
      { bigint: () => BigInt(Math.round(performance.now() * 1e6)) },
    ),
    stdout: { write: (text) => Boolean(platform.log("info", "", String(text).replace(/\n$/, "")) ?? true) },
    stderr: { write: (text) => Boolean(platform.log("error", "", String(text).replace(/\n$/, "")) ?? true) },
    emitWarning: (warning) => platform.log("warn", "", String(warning?.message ?? warning)),
    on() { return this; },
    once() { return this; },
    off() { return this; },
    emit: () => false,
    exit,
  };
}

/** Makes a failed `fetch` the `TypeError: fetch failed` that Node throws. */
export function patchFetch(scope) {
  const { fetch } = scope;
  if (typeof fetch !== "function") return;
  scope.fetch = async function (...request) {
    try {
      return await fetch.apply(scope, request);
    } catch (error) {
      if (!(error instanceof TypeError) || !/^NetworkError/.test(error.message)) throw error;
      throw new TypeError("fetch failed", { cause: error });
    }
  };
}

/** Hands what a timer's function throws to `uncaught`, instead of ending the instance. */
export function patchTimers(scope, uncaught) {
  for (const name of ["setTimeout", "setInterval", "queueMicrotask"]) {
    const original = scope[name];
    scope[name] = (task, ...rest) =>
      original(
        (...values) => {
          try {
            const answer = task(...values);
            return answer;
          } catch (error) {
            uncaught(error);
          }
        },
        ...rest,
      );
  }
  scope.setImmediate ??= (task, ...values) => scope.setTimeout(task, 0, ...values);
  scope.clearImmediate ??= scope.clearTimeout;
}
