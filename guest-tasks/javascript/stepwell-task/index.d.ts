// What a task imports from "stepwell-task", and the types of a handler.

/** Lambda's context object. */
export interface Context {
  callbackWaitsForEmptyEventLoop: boolean;
  readonly functionName: string;
  readonly functionVersion: string;
  readonly invokedFunctionArn: string;
  readonly memoryLimitInMB: string;
  readonly awsRequestId: string;
  readonly logGroupName: string;
  readonly logStreamName: string;
  getRemainingTimeInMillis(): number;
  /** @deprecated Return a promise. */
  done(error?: unknown, result?: unknown): void;
  /** @deprecated Throw. */
  fail(error: unknown): void;
  /** @deprecated Return. */
  succeed(result: unknown): void;
}

/** A task: from an event, which is JSON, to an answer, which is JSON. */
export type Handler<Event = any, Answer = any> = (
  event: Event,
  context: Context,
  callback: (error?: unknown, answer?: Answer) => void,
) => Promise<Answer> | Answer | void;

/** An error with a name of your own, which `Retry` and `Catch` of the workflow match. */
export class Failure extends Error {
  constructor(name: string, message: string, options?: ErrorOptions);
  /** `InvalidInput`: the event is not one that the task can work with. */
  static invalidInput(message: string): Failure;
}

export type Body = string | Uint8Array | ArrayBuffer | ArrayBufferView;

export interface ObjectInfo {
  readonly key: string;
  readonly size: number;
  /** Changes whenever the content changes; opaque, quotes included. */
  readonly etag: string;
  readonly lastModified: Date;
}

export interface StoredObject {
  /** About the whole object, whatever part was asked for. */
  readonly info: ObjectInfo;
  readonly body: Uint8Array;
  text(): string;
  json(): any;
}

export interface Writer {
  write(piece: Body): Promise<void>;
  /** Makes the object visible as a whole, replacing one of the same key. */
  finish(): Promise<ObjectInfo>;
}

/** A bucket by its name, with the meaning that S3 gives it. */
export class Bucket {
  constructor(name: string);
  readonly name: string;
  /** Reads an object, or its bytes from `first` to `last`, both included. */
  get(key: string, range?: { first?: number; last?: number }): Promise<StoredObject>;
  put(key: string, body: Body): Promise<ObjectInfo>;
  head(key: string): Promise<ObjectInfo>;
  /** All objects under `prefix`, in the order of their keys. */
  list(prefix?: string): AsyncIterableIterator<ObjectInfo>;
  listPage(prefix?: string, page?: { next?: string; limit?: number }): Promise<{ objects: ObjectInfo[]; next?: string }>;
  copy(fromKey: string, toBucket: Bucket | string, toKey: string): Promise<ObjectInfo>;
  /** Deleting an object that does not exist succeeds. */
  delete(key: string): Promise<void>;
  /** Reads an object of any size, a part at a time. */
  open(key: string): AsyncIterableIterator<Uint8Array>;
  /** Begins an object that is written piece by piece. */
  create(key: string): Promise<Writer>;
}

/** Its `name` is `Buckets.NoSuchKey` and so on. */
export class BucketError extends Failure {
  readonly kind:
    | "AccessDenied" | "NoSuchBucket" | "NoSuchKey" | "InvalidRange" | "InvalidName" | "TooLarge" | "Storage" | "Changed";
}

/** Its `name` is `Http.Unreachable` and so on. */
export class HttpError extends Failure {
  readonly kind: "InvalidUrl" | "Denied" | "Unreachable" | "Timeout" | "Interrupted" | "TooLarge" | "Status";
  readonly status?: number;
}

/** Getting things by HTTP with errors that say why; `fetch` is there as well. */
export namespace http {
  interface Answer {
    readonly url: string;
    readonly status: number;
    readonly headers: [name: string, value: string][];
    readonly body: Uint8Array;
    /** This answer if its status is 200 to 299; throws `Http.Status` otherwise. */
    success(): Answer;
    header(name: string): string | undefined;
    text(): string;
    json(): any;
  }
  /** Waits for the whole answer; redirects are not followed. */
  function get(
    url: string | URL,
    options?: { headers?: Record<string, string>; bytesMax?: number; timeoutMs?: number },
  ): Promise<Answer>;
}

/** Log lines by level; `console` goes the same way. */
export namespace log {
  function trace(...values: unknown[]): void;
  function debug(...values: unknown[]): void;
  function info(...values: unknown[]): void;
  function warn(...values: unknown[]): void;
  function error(...values: unknown[]): void;
  function critical(...values: unknown[]): void;
}
