"""The cache of an import: where rows wait between the source and their final location. The same as
``guest-tasks/import-cache`` in Rust, object for object."""

import json
from typing import Iterator

from stepwell_task import Bucket, Failure


def invalid_input(cause):
    """The state is not one that the task can work with, so a retry cannot help."""
    return Failure("InvalidInput", cause)


class Cache:
    """The cache under a prefix of a bucket; everything under it is deleted before an import."""

    def __init__(self, bucket: str, prefix: str) -> None:
        if not prefix.endswith("/"):
            raise invalid_input(
                f"`cache` is the prefix `{prefix}`: it must end with `/`, such as `cache/orders/`, "
                "because everything under it is deleted before an import"
            )
        self.bucket = Bucket(bucket)
        self.prefix = prefix

    def check_destination(self, key: str) -> None:
        """Refuses a destination inside the cache: the next import would delete it."""
        if key.startswith(self.prefix):
            raise invalid_input(
                f"`destination` is `{key}`, which is inside the cache `{self.prefix}`: the next import "
                "would delete it"
            )

    def clear(self) -> int:
        """Deletes everything under the prefix, and returns how many objects that was."""
        keys = list(self.bucket.keys(self.prefix))
        for key in keys:
            self.bucket.delete(key)
        return len(keys)

    def write_page(self, offset: int, rows: list[str]) -> None:
        """Writes the page of rows that begins with row ``offset``, one a line."""
        # Between the tokens of a JSON text a line break means nothing; inside of a string there is none.
        lines = (row.replace("\r", "").replace("\n", "") + "\n" for row in rows)
        self.bucket.put(self._page_key(offset), "".join(lines).encode())

    def remove_page(self, offset: int) -> None:
        """Removes the page that begins with row ``offset``, if there is one."""
        self.bucket.delete(self._page_key(offset))

    def pages(self) -> Iterator[str]:
        """The keys of the pages, in the order of their rows."""
        return self.bucket.keys(f"{self.prefix}page-")

    def _page_key(self, offset: int) -> str:
        return f"{self.prefix}page-{offset:012}.jsonl"


def row_texts(text: str) -> list[str]:
    """The texts of a JSON array's elements, as they stand there: numbers keep all of their digits."""
    if not isinstance(json.loads(text), list):
        raise ValueError("it is no array")
    decoder, rows = json.JSONDecoder(), []
    blank = " \t\r\n"
    at = text.index("[") + 1
    while True:
        while text[at] in blank + ",":
            at += 1
        if text[at] == "]":
            return rows
        _, end = decoder.raw_decode(text, at)
        rows.append(text[at:end])
        at = end


def check(state, **members) -> None:
    """Fails with ``InvalidInput`` unless the state has members of these types; a ``?`` marks those it may lack."""
    if not isinstance(state, dict):
        raise invalid_input("the event does not fit this task: it is no object")
    for name, kind in members.items():
        value = state.get(name)
        if value is None:
            if kind.endswith("?"):
                continue
            raise invalid_input(f"the event does not fit this task: missing field `{name}`")
        count = isinstance(value, int) and not isinstance(value, bool) and value >= 0
        if not (isinstance(value, str) if kind.startswith("str") else count):
            raise invalid_input(f"the event does not fit this task: `{name}` is {value!r}")
