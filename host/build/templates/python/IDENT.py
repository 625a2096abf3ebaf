"""A task: a function of the state that gives the next one. Lambda handlers run unchanged."""


def handler(state, context):
    name = state.get("name", "World")
    if not isinstance(name, str):
        # `Retry` and `Catch` of the workflow match on the exception's name.
        raise ValueError(f"the name must be a text, not {name!r}")
    print(f"{context.function_name} greets {name}")
    state["greeting"] = f"Hello, {name}!"
    return state
