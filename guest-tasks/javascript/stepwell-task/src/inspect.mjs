// Texts of values, as Node's `util.format` and `util.inspect` write them (the usual cases).

import { stack } from "./errors.mjs";

const WIDTH = 72;
const DEPTH = 2;
const ITEMS = 100;

/** What `console.log(...values)` prints. */
export function format(values) {
  const rest = [...values];
  let text = "";
  if (typeof rest[0] === "string" && rest.length > 1 && rest[0].includes("%")) {
    text = rest.shift().replace(/%[sdifjoOc%]/g, (mark) => {
      if (mark === "%%") return "%";
      if (rest.length === 0) return mark;
      const value = rest.shift();
      switch (mark) {
        case "%s":
          return typeof value === "object" && value !== null && !hasText(value)
            ? inspect(value, 0)
            : typeof value === "bigint" ? `${value}n` : Object.is(value, -0) ? "-0" : String(value);
        case "%d":
          return typeof value === "bigint" ? `${value}n` : typeof value === "symbol" ? "NaN" : String(Number(value));
        case "%i":
          return typeof value === "bigint" ? `${value}n` : typeof value === "symbol" ? "NaN" : String(parseInt(value));
        case "%f":
          return typeof value === "symbol" ? "NaN" : String(parseFloat(value));
        case "%j":
          try {
            return String(JSON.stringify(value));
          } catch {
            return "[Circular]";
          }
        case "%c":
          return "";
        default:
          return inspect(value, mark === "%o" ? 4 : DEPTH);
      }
    });
    if (rest.length === 0) return text;
    text += " ";
  }
  return text + rest.map((value) => (typeof value === "string" ? value : inspect(value))).join(" ");
}

/** What `util.inspect(value)` gives. */
export function inspect(value, depth = DEPTH) {
  return write(value, depth, [], 0);
}

function hasText(value) {
  return value instanceof Error || (typeof value.toString === "function" && !isBuiltin(value.toString));
}

function isBuiltin(method) {
  return method === Object.prototype.toString || method === Array.prototype.toString;
}

function write(value, depth, path, indent) {
  switch (typeof value) {
    case "string":
      return quote(value);
    case "bigint":
      return `${value}n`;
    case "symbol":
      return value.toString();
    case "function": {
      const kind = /^class\b/.test(Function.prototype.toString.call(value)) ? "class" : value.constructor?.name ?? "Function";
      const name = value.name ? (kind === "class" ? ` ${value.name}` : `: ${value.name}`) : " (anonymous)";
      return `[${kind}${name}]`;
    }
    case "object":
      break;
    default:
      return Object.is(value, -0) ? "-0" : String(value);
  }
  if (value === null) return "null";
  if (path.includes(value)) return "[Circular *1]";
  const custom = value[Symbol.for("nodejs.util.inspect.custom")];
  if (typeof custom === "function") {
    const made = custom.call(value, depth, {}, inspect);
    return typeof made === "string" ? made : write(made, depth, path, indent);
  }
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "Invalid Date" : value.toISOString();
  if (value instanceof RegExp) return String(value);

  const name = value.constructor?.name ?? "[Object: null prototype]";
  if (value instanceof Error) return error(value, depth, path, indent);
  if (value instanceof Promise) return "Promise { <pending> }";
  const isList = Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
  if (depth < path.length) return isList ? "[Array]" : `[${name}]`;

  const inner = (part) => write(part, depth, [...path, value], indent + 2);
  const members = (keys) => keys.map((key) => `${property(key)}: ${member(value, key, inner)}`);
  if (isList) {
    const items = Array.from(value.subarray ? value.subarray(0, ITEMS) : value.slice(0, ITEMS), inner);
    if (value.length > ITEMS) items.push(`... ${value.length - ITEMS} more item${value.length > ITEMS + 1 ? "s" : ""}`);
    const own = Array.isArray(value) ? Object.keys(value).filter((key) => !/^\d+$/.test(key)) : [];
    const prefix = name === "Array" ? "" : `${name}(${value.length}) `;
    return wrap(prefix, "[", [...items, ...members(own)], "]", indent, items.length > 6);
  }
  if (value instanceof Map) {
    const items = Array.from(value, ([key, item]) => `${inner(key)} => ${inner(item)}`);
    return wrap(`Map(${value.size}) `, "{", items, "}", indent);
  }
  if (value instanceof Set) return wrap(`Set(${value.size}) `, "{", Array.from(value, inner), "}", indent);
  if (value instanceof String || value instanceof Number || value instanceof Boolean) {
    return `[${name}: ${inner(value.valueOf())}]`;
  }
  const symbols = Object.getOwnPropertySymbols(value).filter((key) => Object.prototype.propertyIsEnumerable.call(value, key));
  const prefix = name === "Object" ? "" : `${name === "[Object: null prototype]" ? name : name} `;
  return wrap(prefix, "{", members([...Object.keys(value), ...symbols]), "}", indent);
}

function error(value, depth, path, indent) {
  const own = Object.keys(value).filter((key) => !["stack", "message", "name"].includes(key));
  const inner = (part) => write(part, depth, [...path, value], indent + 2);
  const members = own.map((key) => `${property(key)}: ${member(value, key, inner)}`);
  if (value.cause !== undefined && !own.includes("cause")) members.push(`[cause]: ${inner(value.cause)}`);
  const text = stack(value);
  const shown = text.includes("\n") ? text : `[${text}]`;
  return members.length === 0 ? shown : `${shown} {\n${members.map((line) => `  ${line}`).join(",\n")}\n}`;
}

function member(value, key, inner) {
  const found = Object.getOwnPropertyDescriptor(value, key);
  if (found?.get) return found.set ? "[Getter/Setter]" : "[Getter]";
  return inner(value[key]);
}

function property(key) {
  if (typeof key === "symbol") return `[${key.toString()}]`;
  return /^[a-zA-Z_$][\w$]*$/.test(key) ? key : quote(key);
}

function quote(text) {
  const mark = !text.includes("'") ? "'" : !text.includes('"') ? '"' : !text.includes("`") ? "`" : "'";
  const escaped = text.replace(/[\\\n\r\t\b\f\v]/g, (character) =>
    ({ "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f", "\v": "\\v" })[character]);
  return mark + (mark === "'" ? escaped.replaceAll("'", "\\'") : escaped) + mark;
}

function wrap(prefix, open, items, close, indent, isLong = false) {
  if (items.length === 0) return `${prefix}${open}${close}`;
  const one = `${prefix}${open} ${items.join(", ")} ${close}`;
  // Node joins the three innermost levels of nesting, and no more than fits.
  const length = items.reduce((sum, item) => sum + item.length + 1, items.length);
  const fits = nesting(items) < 3 && length + prefix.length + indent + 10 <= 80 && !one.includes("\n");
  if (fits && !isLong) return one;
  if (isLong && fits && one.length <= WIDTH) return one;
  const blank = " ".repeat(indent + 2);
  return `${prefix}${open}\n${blank}${items.join(`,\n${blank}`)}\n${" ".repeat(indent)}${close}`;
}

/** How many levels of brackets the items have. */
function nesting(items) {
  let most = 0;
  for (const item of items) {
    let depth = 0;
    for (const [token] of item.matchAll(/'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[[{] |^\[(?=\])| [\]}]/g)) {
      if (token === "[ " || token === "{ ") most = Math.max(most, ++depth);
      else if (token === " ]" || token === " }") depth -= 1;
    }
  }
  return most;
}
