// Failures with a name of their own: what `Retry` and `Catch` of a workflow match.

/** An error whose name is `name`, so that the workflow sees it as `errorType`. */
export class Failure extends Error {
  constructor(name, message, options) {
    super(message, options);
    Object.defineProperty(this, "name", { value: String(name), configurable: true, writable: true });
  }

  /** `InvalidInput`: the event is not one that the task can work with, so a retry cannot help. */
  static invalidInput(message) {
    return new Failure("InvalidInput", message);
  }
}
