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

/** Where a place of the bundle was written, by the tables that `build.mjs` leaves in the component. */
function original(row, column) {
  const places = globalThis[Symbol.for("stepwell.places")];
  if (places === undefined) return undefined;
  let low = 0;
  let high = places.length / 5;
  while (low < high) {
    const middle = (low + high) >> 1;
    const at = middle * 5;
    if (places[at] < row || (places[at] === row && places[at + 1] <= column)) low = middle + 1;
    else high = middle;
  }
  const at = (low - 1) * 5;
  if (at < 0 || places[at] !== row) return undefined;
  const source = globalThis[Symbol.for("stepwell.sources")][places[at + 2]];
  // What the bundler itself added has no place.
  if (source === undefined || /^(stepwell|<)/.test(source)) return undefined;
  return `file://${TASK_ROOT}${source}:${places[at + 3]}:${places[at + 4]}`;
}

function isError(thrown) {
  return (
    thrown instanceof Error ||
    Object.prototype.toString.call(thrown) === "[object Error]" ||
    (thrown &&
      ["name", "message", "stack"].every((key) => thrown[key] && typeof thrown[key] === "string"))
  );
}
