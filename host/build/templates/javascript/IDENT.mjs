// A task: a function of the state that gives the next one. Lambda handlers run unchanged.

export async function handler(state, context) {
  const name = state.name ?? "World";
  if (typeof name !== "string") {
    // `Retry` and `Catch` of the workflow match on the error's name.
    throw new TypeError(`the name must be a text, not ${JSON.stringify(name)}`);
  }
  console.log(`${context.functionName} greets ${name}`);
  return { ...state, greeting: `Hello, ${name}!` };
}
