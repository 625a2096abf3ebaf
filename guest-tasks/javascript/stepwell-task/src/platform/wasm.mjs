// The host: the imports of the world.

import * as invocation from "stepwell:task/invocation@0.1.0";
import * as bucketsWorld from "stepwell:task/buckets@0.1.0";
import { log as logMessage } from "wasi:logging/logging@0.1.0-draft";
import { getEnvironment } from "wasi:cli/environment@0.2.12";
import { handle } from "wasi:http/outgoing-handler@0.2.12";
import { Fields, OutgoingRequest, httpErrorCode } from "wasi:http/types@0.2.12";
import { subscribeDuration } from "wasi:clocks/monotonic-clock@0.2.12";
import { poll } from "wasi:io/poll@0.2.12";

const READ_BYTES = 65536n;

export const log = (level, context, message) => logMessage(level, context, message);
export const context = () => invocation.getContext();
export const reportError = (payload) => invocation.reportError(payload);
export const remainingTimeMs = () => Number(invocation.remainingTimeMs());
export const environment = () => Object.fromEntries(getEnvironment());

export const buckets = {
  get: bucketsWorld.get,
  put: bucketsWorld.put,
  head: bucketsWorld.head,
  list: bucketsWorld.list,
  copy: bucketsWorld.copy,
  delete: bucketsWorld.delete,
  create: bucketsWorld.create,
  finish: (writer) => bucketsWorld.Writer.finish(writer),
};

export function httpGet(target, headers, { bytesMax, timeoutMs, fail }) {
  const encoder = new TextEncoder();
  let fields;
  try {
    fields = Fields.fromList(headers.map(([name, value]) => [name.toLowerCase(), encoder.encode(String(value))]));
  } catch (error) {
    throw fail("InvalidUrl", `a header is refused: ${error?.payload?.tag ?? error}`);
  }
  const request = new OutgoingRequest(fields);
  try {
    request.setScheme({ tag: target.secure ? "HTTPS" : "HTTP" });
    request.setAuthority(target.authority);
    request.setPathWithQuery(target.path);
  } catch {
    throw fail("InvalidUrl", "the host does not take this URL");
  }

  const deadline = subscribeDuration(BigInt(Math.max(0, Math.round(timeoutMs * 1e6))));
  const wait = (pollable) => {
    try {
      if (!poll([pollable, deadline]).includes(0)) {
        throw fail("Timeout", `no whole answer within ${timeoutMs} ms`);
      }
    } finally {
      pollable[Symbol.dispose || Symbol.for("dispose")]?.();
    }
  };
  let pending;
  try {
    pending = handle(request, undefined);
  } catch (error) {
    throw explain(fail, error?.payload ?? error);
  }
  wait(pending.subscribe());
  const answer = pending.get();
  const outer = answer?.val ?? answer;
  if (answer?.tag === "err" || outer === undefined) throw fail("Interrupted", "the answer was lost");
  if (outer.tag === "err") throw explain(fail, outer.val);
  const response = outer.val ?? outer;

  const decoder = new TextDecoder();
  const received = response.headers().entries().map(([name, value]) => [name, decoder.decode(value)]);
  const declared = Number(received.find(([name]) => name.toLowerCase() === "content-length")?.[1] ?? 0);
  const tooLarge = () => fail("TooLarge", `the body is larger than ${bytesMax} bytes`);
  if (declared > bytesMax) throw tooLarge();

  const stream = response.consume().stream();
  const parts = [];
  let size = 0;
  for (;;) {
    wait(stream.subscribe());
    let part;
    try {
      part = stream.read(READ_BYTES);
    } catch (error) {
      const end = error?.payload;
      if (end?.tag === "closed") break;
      if (end?.tag !== "last-operation-failed") throw error;
      const code = httpErrorCode(end.val);
      throw code === undefined ? fail("Interrupted", end.val.toDebugString()) : explain(fail, code);
    }
    size += part.length;
    if (size > bytesMax) throw tooLarge();
    parts.push(part);
  }
  const body = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    body.set(part, at);
    at += part.length;
  }
  return { status: response.status(), headers: received, body };
}

const KINDS = {
  Denied: ["HTTP-request-denied", "destination-IP-prohibited"],
  Timeout: [
    "DNS-timeout", "connection-timeout", "connection-read-timeout", "connection-write-timeout",
    "HTTP-response-timeout",
  ],
  Unreachable: [
    "DNS-error", "destination-not-found", "destination-unavailable", "destination-IP-unroutable",
    "connection-refused", "connection-limit-reached", "TLS-protocol-error", "TLS-certificate-error",
    "TLS-alert-received", "loop-detected", "configuration-error",
  ],
  InvalidUrl: ["HTTP-request-method-invalid", "HTTP-request-URI-invalid", "HTTP-request-URI-too-long"],
  TooLarge: ["HTTP-response-body-size"],
};

const WORDS = {
  "HTTP-request-denied": "the function has no grant for this host",
  "DNS-error": "there is no such host",
  "destination-not-found": "there is no such host",
  "connection-refused": "the connection was refused",
  "HTTP-protocol-error": "the connection ended before the answer was whole",
  "HTTP-response-incomplete": "the connection ended before the answer was whole",
  "connection-terminated": "the connection ended before the answer was whole",
};

function explain(fail, code) {
  const tag = code?.tag ?? String(code);
  const [kind] = Object.entries(KINDS).find(([, tags]) => tags.includes(tag)) ?? ["Interrupted"];
  return fail(kind, WORDS[tag] ?? tag);
}
