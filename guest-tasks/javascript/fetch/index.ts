// The repeated step of an import: gets one page of rows from the source into the cache.
//
// Asks `<source>?offset=<offset>&limit=<limit>` for a JSON array of rows and advances `offset` by as many
// as came; an empty page sets `continue` to false. Trying again replaces the page that the first attempt
// wrote.

import { Failure, http } from "stepwell-task";
import { Cache, check, rowTexts } from "../import-cache/index.mjs";

/** Rows per page, unless the state says otherwise. */
const LIMIT_DEFAULT = 25;

interface State {
  source: string;
  bucket: string;
  cache: string;
  limit?: number;
  continue?: boolean;
  offset: number;
  [more: string]: unknown;
}

export async function handler(state: State): Promise<State> {
  check(state, { source: "string", bucket: "string", cache: "string", limit: "count?", offset: "count" });
  const { source, bucket, cache: prefix, limit, continue: _, offset, ...rest } = state;
  const cache = new Cache(bucket, prefix);
  const url = pageUrl(source, offset, limit ?? LIMIT_DEFAULT);
  const text = (await http.get(url)).success().text();
  let rows: string[];
  try {
    rows = rowTexts(text);
  } catch (error) {
    throw new Failure("Source.InvalidPage", `\`${url}\` is no JSON array of rows: ${(error as Error).message}`);
  }

  if (rows.length > 0) await cache.writePage(offset, rows);
  // An earlier attempt may have got rows here that the source has lost since.
  else await cache.removePage(offset);
  console.debug(`${rows.length} rows from \`${url}\``);
  return {
    source, bucket, cache: prefix, limit: limit ?? undefined, continue: rows.length > 0,
    offset: offset + rows.length, ...rest,
  };
}

/** Adds the page to the source's own query, if it has one. */
export function pageUrl(source: string, offset: number, limit: number): string {
  if (limit === 0) throw Failure.invalidInput("`limit` is 0: no page would ever have a row");
  const base = source.split("#")[0];
  const query = base.includes("?") ? base.slice(base.indexOf("?") + 1) : undefined;
  const separator = query === undefined ? "?" : query === "" || query.endsWith("&") ? "" : "&";
  return `${base}${separator}offset=${offset}&limit=${limit}`;
}
