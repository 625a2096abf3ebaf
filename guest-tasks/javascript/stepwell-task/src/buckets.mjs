// Objects in buckets, with the meaning that S3 gives them.
//
// The host's calls block; the methods are asynchronous all the same, so that tasks need not change when
// they no longer do.

import * as platform from "#platform";
import { Failure } from "./failure.mjs";

/** How much of an object `open` reads at a time. */
const PART_BYTES = 1 << 20;
/** How much a writer collects before it goes to the host. */
const BUFFER_BYTES = 256 << 10;

const NAMES = {
  "access-denied": "AccessDenied",
  "no-such-bucket": "NoSuchBucket",
  "no-such-key": "NoSuchKey",
  "invalid-range": "InvalidRange",
  "invalid-name": "InvalidName",
  "too-large": "TooLarge",
  storage: "Storage",
  changed: "Changed",
};

/** Why a bucket's call failed: its name is `Buckets.NoSuchKey` and so on. */
export class BucketError extends Failure {
  constructor(kind, message) {
    super(`Buckets.${kind}`, message);
    /** `NoSuchKey` and so on. */
    this.kind = kind;
    Object.defineProperty(this, "kind", { enumerable: false });
  }
}

/** A bucket by its name. Making one asks nobody; the first call finds out whether it exists and is granted. */
export class Bucket {
  constructor(name) {
    this.name = String(name);
  }

  /** Reads an object, or its bytes from `first` to `last` (both included). */
  async get(key, { first, last } = {}) {
    const range =
      first === undefined && last === undefined
        ? undefined
        : { first: BigInt(first ?? 0), last: last === undefined ? undefined : BigInt(last) };
    const { info, body } = attempt("read", this, key, () => platform.buckets.get(this.name, key, range));
    return new StoredObject(objectInfo(info), body);
  }

  /** Writes a whole object at once, replacing one of the same key. */
  async put(key, body) {
    return objectInfo(attempt("write", this, key, () => platform.buckets.put(this.name, key, bytes(body))));
  }

  /** What is known about an object, without reading it. */
  async head(key) {
    return objectInfo(attempt("look at", this, key, () => platform.buckets.head(this.name, key)));
  }

  /** All objects whose keys begin with `prefix`, in the order of their keys. */
  async *list(prefix = "") {
    let next;
    do {
      const page = await this.listPage(prefix, { next });
      yield* page.objects;
      next = page.next;
    } while (next !== undefined);
  }

  /** One page of a listing: at most `limit` objects, continued from the `next` of the page before. */
  async listPage(prefix = "", { next, limit } = {}) {
    const page = attempt("list", this, prefix, () => platform.buckets.list(this.name, prefix, next, limit));
    return { objects: page.objects.map(objectInfo), next: page.next ?? undefined };
  }

  /** Copies an object to `toKey` of `toBucket`; its bytes do not pass through the task. */
  async copy(fromKey, toBucket, toKey) {
    const to = typeof toBucket === "string" ? toBucket : toBucket.name;
    const call = () => platform.buckets.copy(this.name, fromKey, to, toKey);
    return objectInfo(attempt("copy", this, fromKey, call));
  }

  /** Deletes an object. Deleting one that does not exist succeeds. */
  async delete(key) {
    attempt("delete", this, key, () => platform.buckets.delete(this.name, key));
  }

  /** Reads an object of any size a part at a time, all from one version of it. */
  async *open(key) {
    let offset = 0;
    let version;
    for (;;) {
      let part;
      try {
        part = await this.get(key, { first: offset, last: offset + PART_BYTES - 1 });
      } catch (error) {
        // An empty object has no first byte.
        if (offset === 0 && error.kind === "InvalidRange") return;
        throw error;
      }
      const { etag, size } = part.info;
      version ??= { etag, size };
      if (version.etag !== etag || version.size !== size) {
        throw failed("Changed", "read", this, key, "it was replaced meanwhile");
      }
      if (part.body.length === 0 && offset < size) {
        throw failed("Storage", "read", this, key, "it ended before its end");
      }
      offset += part.body.length;
      yield part.body;
      if (offset >= size) return;
    }
  }

  /** Begins an object that is written piece by piece; it appears as a whole with `finish`. */
  async create(key) {
    return new Writer(this, key, attempt("write", this, key, () => platform.buckets.create(this.name, key)));
  }
}

class StoredObject {
  constructor(info, body) {
    this.info = info;
    this.body = body;
  }

  text() {
    return new TextDecoder().decode(this.body);
  }

  json() {
    return JSON.parse(this.text());
  }
}

class Writer {
  #bucket;
  #key;
  #upload;
  #pieces = [];
  #size = 0;

  constructor(bucket, key, upload) {
    this.#bucket = bucket;
    this.#key = key;
    this.#upload = upload;
  }

  async write(piece) {
    const added = bytes(piece).slice();
    this.#pieces.push(added);
    this.#size += added.length;
    if (this.#size >= BUFFER_BYTES) this.#send();
  }

  async finish() {
    this.#send();
    const upload = this.#upload;
    this.#upload = undefined;
    return objectInfo(attempt("write", this.#bucket, this.#key, () => platform.buckets.finish(upload)));
  }

  #send() {
    if (this.#size === 0) return;
    const whole = new Uint8Array(this.#size);
    let at = 0;
    for (const piece of this.#pieces) {
      whole.set(piece, at);
      at += piece.length;
    }
    this.#pieces = [];
    this.#size = 0;
    attempt("write", this.#bucket, this.#key, () => this.#upload.write(whole));
  }
}

function bytes(body) {
  if (typeof body === "string") return new TextEncoder().encode(body);
  if (body instanceof Uint8Array) return body;
  if (body instanceof ArrayBuffer) return new Uint8Array(body);
  if (ArrayBuffer.isView(body)) return new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
  throw new TypeError("an object's body is a string, a Uint8Array or an ArrayBuffer");
}

function objectInfo({ key, size, etag, lastModifiedMs }) {
  return { key, size: Number(size), etag, lastModified: new Date(Number(lastModifiedMs)) };
}

function attempt(action, bucket, key, call) {
  try {
    return call();
  } catch (error) {
    const answer = error?.payload;
    if (answer?.tag === undefined) throw error;
    throw failed(NAMES[answer.tag] ?? answer.tag, action, bucket, key, answer.val);
  }
}

function failed(kind, action, bucket, key, message) {
  return new BucketError(kind, `cannot ${action} \`${key}\` in bucket \`${bucket.name}\`: ${message}`);
}
