// What a task imports from "stepwell-task".

export { Bucket, BucketError } from "./buckets.mjs";
export { Failure } from "./failure.mjs";
export * as http from "./http.mjs";
export { HttpError } from "./http.mjs";
export * as log from "./log.mjs";
