// Getting things by HTTP with errors that say why. `fetch` is there as well; its errors do not.

import * as platform from "#platform";
import { Failure } from "./failure.mjs";

/** How large a body may be unless `bytesMax` says otherwise. */
const BODY_BYTES_MAX = 16 << 20;

/** Why a request failed: its name is `Http.Denied` and so on. */
export class HttpError extends Failure {
  constructor(kind, message, status) {
    super(`Http.${kind}`, message);
    /** `InvalidUrl`, `Denied`, `Unreachable`, `Timeout`, `Interrupted`, `TooLarge`, `Status`. */
    this.kind = kind;
    /** The status of an answer that `success` refused. */
    this.status = status;
    for (const key of ["kind", "status"]) Object.defineProperty(this, key, { enumerable: false });
  }
}

/** Gets `url` and waits for the whole answer, of any status. Redirects are not followed. */
export async function get(url, options = {}) {
  const { headers = {}, bytesMax = BODY_BYTES_MAX, timeoutMs } = options;
  try {
    const target = parse(String(url));
    const sent = [["user-agent", "stepwell-task-js/0.1.0"], ...Object.entries(headers)];
    const limit = timeoutMs ?? Math.floor(platform.remainingTimeMs() * 0.9);
    const got = await platform.httpGet(target, sent, { bytesMax, timeoutMs: limit, fail });
    return new Answer(String(url), check(got));
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    throw new HttpError(error.kind, `cannot get \`${url}\`: ${error.message}`);
  }
}

class Answer {
  constructor(url, { status, headers, body }) {
    this.url = url;
    this.status = status;
    /** Pairs of a name in lower case and a value. */
    this.headers = headers;
    this.body = body;
  }

  /** This answer if its status is 200 to 299; throws `Http.Status` otherwise. */
  success() {
    if (this.status >= 200 && this.status < 300) return this;
    const message = `cannot get \`${this.url}\`: it answered with status ${this.status}`;
    throw new HttpError("Status", message, this.status);
  }

  header(name) {
    return header(this.headers, name);
  }

  text() {
    return new TextDecoder().decode(this.body);
  }

  json() {
    return JSON.parse(this.text());
  }
}

function fail(kind, message) {
  return new HttpError(kind, message);
}

function header(headers, name) {
  return headers.find(([candidate]) => candidate.toLowerCase() === name.toLowerCase())?.[1];
}

function parse(url) {
  // eslint-disable-next-line no-control-regex
  if (/[\x00-\x20\x7f]/.test(url)) throw fail("InvalidUrl", "a URL holds no spaces or control characters");
  const [, scheme, rest] = /^([^:]*):\/\/([^#]*)/.exec(url) ?? [];
  if (rest === undefined) throw fail("InvalidUrl", "a URL begins with `https://` or `http://`");
  if (!/^https?$/i.test(scheme)) throw fail("InvalidUrl", "only `https` and `http` can be got");
  const [, authority, path] = /^([^/?]*)(.*)$/.exec(rest);
  if (authority === "") throw fail("InvalidUrl", "the URL names no host");
  if (authority.includes("@")) {
    throw fail("InvalidUrl", "a user name or password in a URL is not supported: send a header");
  }
  const slash = path.startsWith("/") ? "" : "/";
  return { secure: /^https$/i.test(scheme), authority, path: slash + path };
}

/** Half a body is an error, even where whoever passed it on took it for a whole one. */
function check(got) {
  const declared = Number(header(got.headers, "content-length") ?? NaN);
  if (got.status !== 304 && Number.isInteger(declared) && declared !== got.body.length) {
    throw fail("Interrupted", `${got.body.length} of ${declared} bytes arrived`);
  }
  return got;
}
