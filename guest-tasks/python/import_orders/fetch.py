"""The repeated step of an import: gets one page of rows from the source into the cache.

Asks ``<source>?offset=<offset>&limit=<limit>`` for a JSON array of rows and advances ``offset`` by as many as came;
an empty page sets ``continue`` to false. Trying again replaces the page that the first attempt wrote.
"""

from import_cache import Cache, check, invalid_input, row_texts
from stepwell_task import Failure, http

LIMIT_DEFAULT = 25


def fetch(state):
    check(state, source="str", bucket="str", cache="str", limit="count?", offset="count")
    cache = Cache(state["bucket"], state["cache"])
    limit = LIMIT_DEFAULT if state.get("limit") is None else state["limit"]
    url = page_url(state["source"], state["offset"], limit)
    body = http.get(url).success().body
    try:
        rows = row_texts(body.decode())
    except ValueError as error:
        raise Failure("Source.InvalidPage", f"`{url}` is no JSON array of rows: {error}") from None
    if rows:
        cache.write_page(state["offset"], rows)
    else:
        # An earlier attempt may have got rows here that the source has lost since.
        cache.remove_page(state["offset"])
    print(f"{len(rows)} rows from `{url}`")
    state["continue"] = bool(rows)
    state["offset"] = state["offset"] + len(rows)
    return state


def page_url(source, offset, limit):
    """Adds the page to the source's own query, if it has one."""
    if limit == 0:
        raise invalid_input("`limit` is 0: no page would ever have a row")
    base = source.split("#")[0]
    _, asks, query = base.partition("?")
    separator = "?" if not asks else "" if query == "" or query.endswith("&") else "&"
    return f"{base}{separator}offset={offset}&limit={limit}"
