// Builds the tasks of this folder into `build/`, one after the other: each takes a few hundred MB.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

process.chdir(fileURLToPath(new URL(".", import.meta.url)));
for (const source of ["echo/index.mjs", "initialize/index.mjs", "fetch/index.ts", "persist/index.mjs"]) {
  const out = `build/${source.split("/")[0]}.wasm`;
  const { status } = spawnSync(process.execPath, ["stepwell-task/build.mjs", source, "--out", out], { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}
