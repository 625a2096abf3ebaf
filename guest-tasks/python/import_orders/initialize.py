"""The first step of an import: empties the cache and sets the state to the beginning.

A cache that an earlier execution left behind is gone afterwards. Trying again is harmless.
"""

from import_cache import Cache, check


def initialize(state):
    check(state, bucket="str", cache="str", destination="str?")
    cache = Cache(state["bucket"], state["cache"])
    if state.get("destination") is not None:
        cache.check_destination(state["destination"])
    deleted = cache.clear()
    print(f"{deleted} objects deleted from the cache `{state['cache']}`")
    state["continue"] = True
    state["offset"] = 0
    return state
