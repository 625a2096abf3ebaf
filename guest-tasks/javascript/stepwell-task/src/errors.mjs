// Errors as Lambda's runtime for Node reports them.

/** What the trace of frames begins with, where Lambda unpacks a function's code. */
const TASK_ROOT = "/var/task/";

/** `errorType`, `errorMessage` and `trace` of whatever was thrown, as Lambda's runtime has them. */
export function report(thrown) {
  try {
    if (isError(thrown)) {
      return {
        errorType: thrown.name,
        errorMessage: thrown.message,
        trace: stack(thrown).split("\n"),
      };
    }
    return { errorType: typeof thrown, errorMessage: thrown.toString(), trace: [] };
  } catch {
    return {
      errorType: "handled",
      errorMessage:
        "callback called with Error argument, but there was a problem while retrieving one or more of " +
        "its message, name, and stack",
    };
  }
}

/** What Lambda's runtime logs about it: all of the error's own members as well. */
export function logged(thrown) {
  let error = thrown;
  try {
    if (!(thrown instanceof Error)) error = new Error(thrown);
    return JSON.stringify(error, (_, value) =>
      value instanceof Error
        ? {
            errorType: value.name,
            errorMessage: value.message,
            code: value.code,
            ...value,
            stack: stack(value).split("\n"),
          }
        : value,
    );
  } catch {
    return JSON.stringify(report(error));
  }
}

/** The stack as V8 writes it: the name and message first, then `    at function (file:line:column)`. */
export function stack(error) {
  const raw = typeof error.stack === "string" ? error.stack : "";
  let head = "Error";
  try {
    head = String(Error.prototype.toString.call(error));
  } catch {
    // A message that cannot be read.
  }
  // Node, where tests run, has that form already.
  if (/^\s+at /m.test(raw)) return raw;
  const frames = raw.split("\n").map(frame).filter((line) => line !== undefined);
  // V8 leaves out the constructor of the error's own class.
  const own = error.constructor?.name;
  if (own && frames[0]?.startsWith(`    at ${own} (`)) frames.shift();
  return [head, ...frames].join("\n");
}

/** `outer/inner@file line 1 > eval:1:2` of SpiderMonkey; other frames are the glue's and left out. */
function frame(line) {
  const [, name, row, column] = /^(.*?)@.* line \d+ > eval:(\d+):(\d+)$/.exec(line) ?? [];
  const place = row === undefined ? undefined : original(Number(row), Number(column));
  if (place === undefined) return undefined;
  const isAsync = /^(async|promise callback)\*/.test(name) ? "async " : "";
  const called = name.replace(/^(async|promise callback)\*/, "").replace(/<+$/, "").split("/").at(-1);
  return called === "" ? `    at ${isAsync}${place}` : `    at ${isAsync}${called} (${place})`;
}

/** Lines of the bundle's source map, split when they are first needed. */
let lines;

/** Where a place of the bundle was written, by the table that `build.mjs` leaves in the component. */
function original(row, column) {
  lines ??= globalThis[Symbol.for("stepwell.places")]?.split(";");
  // One line goes before the task's own.
  const segments = lines?.[row - 2];
  if (segments === undefined) return undefined;
  let at = [0, 0, 0, 0];
  let found;
  for (const segment of segments.split(",")) {
    if (segment === "") continue;
    const next = numbers(segment).map((value, index) => at[index] + value);
    if (next[0] > column - 1) break;
    at = found = next;
  }
  if (found === undefined) return undefined;
  const source = globalThis[Symbol.for("stepwell.sources")][found[1]];
  return `file://${TASK_ROOT}${source}:${found[2] + 1}:${found[3] + 1}`;
}

/** The numbers of a source map's segment. */
function numbers(segment) {
  const found = [];
  let value = 0;
  let shift = 0;
  for (let at = 0; at < segment.length; at++) {
    const digit = DIGITS.indexOf(segment[at]);
    value += (digit & 31) << shift;
    shift += 5;
    if (digit & 32) continue;
    found.push(value & 1 ? -(value >> 1) : value >> 1);
    value = 0;
    shift = 0;
  }
  return found;
}

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

function isError(thrown) {
  return (
    thrown instanceof Error ||
    Object.prototype.toString.call(thrown) === "[object Error]" ||
    (thrown &&
      ["name", "message", "stack"].every((key) => thrown[key] && typeof thrown[key] === "string"))
  );
}
