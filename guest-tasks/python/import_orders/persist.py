"""The last step of an import: puts the cached rows at their final location, one object of JSON Lines.

Streams page by page, so the rows need not fit into the function's memory. The object appears as a whole or not at
all, and trying again replaces it. An import without rows ends with an empty object.
"""

from import_cache import Cache, check
from stepwell_task import Failure


def persist(state):
    check(state, bucket="str", cache="str", destination="str", offset="count?", rejected="count?")
    cache = Cache(state["bucket"], state["cache"])
    cache.check_destination(state["destination"])
    rows = 0
    with cache.bucket.create(state["destination"]) as writer:
        for key in cache.pages():
            page = cache.bucket.get(key).body
            rows += page.count(b"\n")
            writer.write(page)
        rejected = state.get("rejected") or 0
        if state.get("offset") is not None and rows + rejected != state["offset"]:
            raise Failure(
                "Cache.Inconsistent",
                f"the cache `{state['cache']}` holds {rows} rows, but {state['offset']} were fetched and "
                f"{rejected} rejected: does another execution use the same cache?",
            )
    info = cache.bucket.head(state["destination"])
    print(f"{rows} rows in `{info.key}`")
    state["rows"] = rows
    state["object"] = {"bucket": state["bucket"], "key": info.key, "size": info.size, "etag": info.etag}
    return state
