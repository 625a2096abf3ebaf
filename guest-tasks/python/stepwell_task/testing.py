"""The world that a task sees in its own tests: buckets in memory, and an HTTP source that is a function."""

from __future__ import annotations

from typing import Callable, Optional

from .context import Context
from .platform import memory


def reset() -> None:
    """Empties the world."""
    memory.world.__init__()


def context() -> Context:
    """A context to call a handler with."""
    return Context()


def bucket(name: str) -> None:
    """Makes a bucket, if there is none of this name."""
    memory.world.buckets.setdefault(name, {})


def put(bucket_name: str, key: str, body: bytes) -> None:
    """Writes an object, and makes its bucket."""
    bucket(bucket_name)
    memory.put(bucket_name, key, body)


def object(bucket_name: str, key: str) -> Optional[bytes]:
    """An object's bytes."""
    return memory.world.buckets.get(bucket_name, {}).get(key)


def source(answer: Callable[[str, str], tuple[int, dict[str, str], bytes]]) -> None:
    """Answers all HTTP requests: of a method and a URL, with a status, headers and a body."""
    memory.world.source = answer


def log() -> list[tuple[int, str, str]]:
    """Takes what was logged since the last call: level, logger, message."""
    said, memory.world.log = memory.world.log, []
    return said
