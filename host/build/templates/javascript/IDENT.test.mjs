import assert from "node:assert/strict";
import { test } from "node:test";

import { handler } from "./IDENT.mjs";

const context = { functionName: "IDENT" };

test("greets by name", async () => {
  assert.equal((await handler({ name: "Ada" }, context)).greeting, "Hello, Ada!");
});

test("refuses what is no name", async () => {
  await assert.rejects(handler({ name: 1 }, context), TypeError);
});
