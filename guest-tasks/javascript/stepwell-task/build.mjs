#!/usr/bin/env node
// Makes a component of a JavaScript or TypeScript task:
//
//   node build.mjs SOURCE --out FILE.wasm [--handler handler] [--wit DIR] [--glue DIR] [--root DIR]
//                  [--snapshot] [--json]
//
// SOURCE is the task's module; `--handler` the exported function (`handler`, `api.create`) or Lambda's
// whole setting (`index.handler`: the module's own name before the first dot is dropped). `--wit` is the
// folder of the world (default: `wit` beside this script, or the repository's), `--glue` the folder of `stepwell-task` (default:
// where this script is), `--root` the project's folder, from which files are named in traces (default:
// the working directory). `@bytecodealliance/componentize-js` and `esbuild` are taken from the nearest
// `node_modules` that has them: above SOURCE, the working directory, the glue.
//
// With `--snapshot` the module is evaluated when it is built, not when the first event comes: quicker, but
// what it reads at its top level (`process.env`, the time, random numbers) is that of the build, or fails.
//
// Exit codes: 0 built, 1 the task is wrong, 2 wrong arguments, 3 a package is missing.

import fs from "node:fs";
import { cp, mkdir, mkdtemp, readFile, realpath, rename, rm, writeFile } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { basename, dirname, extname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

const HERE = dirname(fileURLToPath(import.meta.url));
const WORLD = "javascript-task";
const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

class Wrong extends Error {
  constructor(message, code) {
    super(message);
    this.code = code;
  }
}

function options() {
  let parsed;
  try {
    parsed = parseArgs({
      allowPositionals: true,
      options: {
        out: { type: "string", short: "o" },
        handler: { type: "string", default: "handler" },
        wit: { type: "string" },
        glue: { type: "string", default: HERE },
        root: { type: "string", default: process.cwd() },
        snapshot: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
      },
    });
  } catch (error) {
    throw new Wrong(error.message, 2);
  }
  const [source, ...more] = parsed.positionals;
  if (source === undefined || more.length > 0 || parsed.values.out === undefined) {
    throw new Wrong("usage: node build.mjs SOURCE --out FILE.wasm [--handler NAME] [--snapshot]", 2);
  }
  return { ...parsed.values, source };
}

async function build({ source, out, handler, wit, glue, root, snapshot, json }) {
  const began = Date.now();
  const entry = await realpath(resolve(source)).catch(() => {
    throw new Wrong(`cannot read \`${source}\`: there is no such file`, 2);
  });
  const places = [dirname(entry), process.cwd(), glue];
  const [esbuild, { componentize, version }] = await Promise.all([
    load("esbuild", places),
    load("@bytecodealliance/componentize-js", places),
  ]);

  // `index.handler` of Lambda's setting, `src/index.handler` as well.
  const stem = basename(entry, extname(entry));
  const name = handler.slice(handler.lastIndexOf("/") + 1).replace(new RegExp(`^${escape(stem)}\\.`), "");
  const folder = await mkdtemp(join(tmpdir(), "stepwell-js-"));
  try {
    const task = await bundleTask(esbuild, entry, root);
    const program = await bundleProgram(esbuild, { task, glue, name, file: basename(entry), snapshot });
    const sourcePath = join(folder, "task.mjs");
    await writeFile(sourcePath, program);
    const mended = mendBindings();
    const { component } = await componentize({
      sourcePath,
      witPath: await world(join(folder, "wit"), wit),
      worldName: WORLD,
      disableFeatures: ["fetch-event"],
    }).catch((error) => {
      throw new Wrong(explain(error, snapshot), 1);
    }).finally(mended.undo);
    const file = resolve(out);
    await mkdir(dirname(file), { recursive: true });
    // Nobody ever sees half a component.
    await writeFile(`${file}.part`, component);
    await rename(`${file}.part`, file);
    return {
      json,
      facts: {
        component: out,
        bytes: component.length,
        milliseconds: Date.now() - began,
        componentizeJs: version,
        esbuild: esbuild.version,
        mended: mended.done(),
        inputs: task.inputs,
      },
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The task with all that it imports, as one module that calls `__stepwell_register` with its exports. */
async function bundleTask(esbuild, entry, root) {
  const result = await esbuild.build({
    stdin: {
      contents: `import * as __stepwell_module from ${JSON.stringify(entry)};\n__stepwell_register(__stepwell_module);`,
      resolveDir: dirname(entry),
      sourcefile: "stepwell:entry",
    },
    absWorkingDir: await realpath(root),
    outfile: join(root, "stepwell-task.js"),
    ...common,
    mainFields: ["module", "main"],
    conditions: ["stepwell", "worker", "import", "default"],
    metafile: true,
    sourcemap: "external",
    sourcesContent: false,
    plugins: [stepwellTask, builtins],
  }).catch((error) => {
    throw new Wrong(`the task cannot be bundled\n${messages(error)}`, 1);
  });
  const [map, code] = ["map", "js"].map(
    (kind) => result.outputFiles.find(({ path }) => path.endsWith(`.${kind}`)).text,
  );
  const inputs = Object.keys(result.metafile.inputs).filter((input) => !/(stepwell:|^<)/.test(input));
  return { code, map: JSON.parse(map), inputs };
}

/** The glue, and the task as a function that is called when the first event comes. */
async function bundleProgram(esbuild, { task, glue, name, file, snapshot }) {
  const served = `serve(globalThis[Symbol.for("stepwell.load")], ${JSON.stringify(name)}, ${JSON.stringify(file)})`;
  const result = await esbuild.build({
    stdin: {
      contents: `
        import { serve } from ${JSON.stringify(join(resolve(glue), "src/runtime.mjs"))};
        export const handler = ${served};
        ${snapshot ? "await handler.prepare();" : ""}`,
      resolveDir: resolve(glue),
      sourcefile: "stepwell:program",
    },
    ...common,
    external: ["wasi:*", "stepwell:task/*"],
    conditions: ["stepwell"],
  });
  // The task is evaluated in the global scope, so that it sees no name of the glue, and in one line after
  // the other as esbuild wrote it, so that the places in its traces are known.
  // Called once without a register, it is compiled when the snapshot is taken.
  const load =
    `(async function (__stepwell_register) { "use strict"; if (__stepwell_register === undefined) return;\n` +
    `${task.code}\n})`;
  const { sources, places } = placesOf(task.map);
  return (
    `globalThis[Symbol.for("stepwell.load")] = (0, eval)(${JSON.stringify(load)});\n` +
    `globalThis[Symbol.for("stepwell.sources")] = ${JSON.stringify(sources)};\n` +
    `globalThis[Symbol.for("stepwell.places")] = ${JSON.stringify(places)};\n` +
    'globalThis[Symbol.for("stepwell.load")]();\n' +
    result.outputFiles[0].text
  );
}

/**
 * A source map as it is looked up at run time: the same, but each line begins anew, so that one can be read
 * by itself; without what the bundler itself added.
 */
function placesOf({ sources, mappings }) {
  let source = 0;
  let line = 0;
  let sourceColumn = 0;
  const lines = mappings.split(";").map((segments) => {
    let column = 0;
    let before = [0, 0, 0, 0];
    return (segments === "" ? [] : segments.split(",")).flatMap((segment) => {
      const [first, ...rest] = numbers(segment);
      column += first;
      if (rest.length < 3) return [];
      source += rest[0];
      line += rest[1];
      sourceColumn += rest[2];
      if (/stepwell:/.test(sources[source])) return [];
      const place = [column, source, line, sourceColumn];
      const text = place.map((value, at) => vlq(value - before[at])).join("");
      before = place;
      return [text];
    }).join(",");
  });
  return { sources: sources.map((path) => path.replace(/^(\.\.\/)+/, "")), places: lines.join(";") };
}

function vlq(value) {
  let rest = value < 0 ? (-value << 1) | 1 : value << 1;
  let text = "";
  do {
    const more = rest >> 5 ? 32 : 0;
    text += DIGITS[(rest & 31) | more];
    rest >>= 5;
  } while (rest > 0);
  return text;
}

function numbers(segment) {
  const found = [];
  let value = 0;
  let shift = 0;
  for (const character of segment) {
    const digit = DIGITS.indexOf(character);
    value += (digit & 31) << shift;
    shift += 5;
    if (digit & 32) continue;
    found.push(value & 1 ? -(value >> 1) : value >> 1);
    value = 0;
    shift = 0;
  }
  return found;
}

const common = {
  bundle: true,
  write: false,
  format: "esm",
  platform: "neutral",
  target: "es2024",
  charset: "utf8",
  keepNames: false,
  logLevel: "silent",
  define: { "import.meta.url": '"file:///var/task/index.mjs"' },
};

/** `stepwell-task` is there once, in the component's own part. */
const stepwellTask = {
  name: "stepwell-task",
  setup(plugins) {
    plugins.onResolve({ filter: /^stepwell-task$/ }, () => ({ path: "sdk", namespace: "stepwell" }));
    plugins.onLoad({ filter: /.*/, namespace: "stepwell" }, () => ({
      contents:
        'const sdk = globalThis[Symbol.for("stepwell.task")];\n' +
        ["Bucket", "BucketError", "Failure", "HttpError", "http", "log"]
          .map((name) => `export const ${name} = sdk.${name};`)
          .join("\n"),
      loader: "js",
    }));
  },
};

/**
 * The bindings of componentize-js 0.23 look at every character of a string that goes to the host, in an
 * interpreter: some 2,700 units of fuel a byte, so that an answer of 200 KB takes seconds of a small function.
 * It has no setting for that, so the bindings are mended as they are written. Where they are others, they
 * stay as they are.
 */
function mendBindings() {
  const { writeFile: original } = fs.promises;
  let done = 0;
  fs.promises.writeFile = (file, data, ...rest) => {
    if (typeof data !== "string" || basename(String(file)) !== "initializer.js") return original(file, data, ...rest);
    const before = /function _utf8AllocateAndEncode\(s, realloc, memory\) \{\n[^]*?\n\}\n/;
    const mended = data.replace(before, () => {
      done += 1;
      return `function _utf8AllocateAndEncode(s, realloc, memory) {
  if (typeof s !== "string") throw new TypeError("expected a string, received [" + typeof s + "]");
  if (s.length === 0) return { ptr: 1, len: 0 };
  const bytes = TEXT_ENCODER_UTF8.encode(s);
  const len = bytes.length;
  const ptr = realloc(0, 0, 1, len);
  new Uint8Array(memory.buffer, ptr, len).set(bytes);
  return { ptr, len };
}
`;
    });
    return original(file, mended, ...rest);
  };
  syncBuiltinESMExports();
  const undo = () => {
    fs.promises.writeFile = original;
    syncBuiltinESMExports();
  };
  return { done: () => done > 0, undo };
}

/** Node's own modules are not there; say so with the place where one is imported. */
const builtins = {
  name: "node-builtins",
  setup(plugins) {
    plugins.onResolve({ filter: /^node:/ }, ({ path }) => {
      if (path === "node:process") return { path, namespace: "builtin" };
      const text = `there is no \`${path}\` in a component: only the language, web APIs (fetch, crypto, URL, streams, TextEncoder) and \`stepwell-task\``;
      return { errors: [{ text }] };
    });
    plugins.onLoad({ filter: /.*/, namespace: "builtin" }, () => ({
      contents: "export default globalThis.process; export const { env, nextTick, hrtime, argv } = globalThis.process;",
      loader: "js",
    }));
  },
};

/** The world of a JavaScript task: that of every task, and the environment for `process.env`. */
async function world(folder, told) {
  // Beside this script where it was installed, in the repository otherwise.
  const here = join(HERE, "wit");
  const wit = told ?? ((await realpath(here).catch(() => undefined)) ?? join(HERE, "../../../wit"));
  await cp(wit, folder, { recursive: true, dereference: true }).catch((error) => {
    throw new Wrong(`cannot read the world in \`${wit}\`: ${error.message}`, 2);
  });
  const text =
    "package stepwell:task@0.1.0;\n\n" +
    `world ${WORLD} {\n  include task;\n  import wasi:cli/environment@0.2.12;\n}\n`;
  await writeFile(join(folder, "javascript.wit"), text);
  return folder;
}

/** A package of the nearest `node_modules` that has it. */
async function load(name, places) {
  for (const place of places) {
    for (let folder = resolve(place); ; folder = dirname(folder)) {
      const root = join(folder, "node_modules", name);
      const description = await readFile(join(root, "package.json"), "utf8").catch(() => undefined);
      if (description !== undefined) {
        const { exports, main } = JSON.parse(description);
        const file = exports?.import ?? exports?.["."]?.import ?? main ?? "index.js";
        const module = await import(pathToFileURL(join(root, file)));
        return module.default?.build ? module.default : module;
      }
      if (folder === dirname(folder)) break;
    }
  }
  throw new Wrong(
    `the package \`${name}\` is not installed here: npm install --save-dev @bytecodealliance/componentize-js@0.23 esbuild`,
    3,
  );
}

function messages(error) {
  if (!error.errors?.length) return error.message;
  return error.errors
    .map(({ text, location }) =>
      location ? `${location.file}:${location.line}:${location.column + 1}: ${text}` : text)
    .join("\n");
}

function explain(error, snapshot) {
  const text = String(error.message);
  const [, call] = /unknown imported function: '([^']+' '[^']+)'/.exec(text) ?? [];
  if (call !== undefined && snapshot) {
    return `the module cannot be evaluated at build time, because it uses '${call}' at its top level: build without \`--snapshot\``;
  }
  return `componentize-js failed: ${text}`;
}

function escape(text) {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

try {
  const told = await build(options());
  if (told.json) console.log(JSON.stringify(told.facts));
  else console.error(`${told.facts.component}: ${told.facts.bytes} bytes in ${told.facts.milliseconds} ms`);
} catch (error) {
  console.error(error instanceof Wrong ? `error: ${error.message}` : error);
  process.exitCode = error.code === 2 || error.code === 3 ? error.code : 1;
}
