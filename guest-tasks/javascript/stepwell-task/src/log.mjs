// Log lines by level; `console` goes the same way.

import * as platform from "#platform";
import { format } from "./inspect.mjs";

export const trace = (...values) => platform.log("trace", "", format(values));
export const debug = (...values) => platform.log("debug", "", format(values));
export const info = (...values) => platform.log("info", "", format(values));
export const warn = (...values) => platform.log("warn", "", format(values));
export const error = (...values) => platform.log("error", "", format(values));
export const critical = (...values) => platform.log("critical", "", format(values));
