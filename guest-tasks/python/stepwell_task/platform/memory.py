"""A world in memory, for tests of tasks without a host. ``stepwell_task.testing`` is its public side."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Callable, Optional

PAGE_OBJECTS_MAX = 1_000
TIMEOUT_MS = 900_000


@dataclass
class World:
    buckets: dict[str, dict[str, bytes]] = field(default_factory=dict)
    source: Optional[Callable[[str, str], tuple[int, dict[str, str], bytes]]] = None
    log: list[tuple[int, str, str]] = field(default_factory=list)
    reported: Optional[str] = None


world = World()


class Writer:
    def __init__(self, bucket: str, key: str) -> None:
        self.bucket, self.key, self.parts = bucket, key, []


def context() -> Any:
    return SimpleNamespace(
        request_id="00000000-0000-4000-8000-000000000000",
        function_name="test",
        function_version="$LATEST",
        invoked_function_arn="arn:aws:lambda:us-east-1:000000000000:function:test",
        memory_limit_mb=128,
        deadline_ms=TIMEOUT_MS,
    )


def remaining_time_ms() -> int:
    return TIMEOUT_MS


def report_error(payload: str) -> None:
    world.reported = payload


def log(level: int, name: str, message: str) -> None:
    world.log.append((level, name, message))


def refresh_environment() -> None:
    """Here it is the process's own."""


def _fail(kind: str, message: str) -> Any:
    from ..buckets import BucketError

    raise BucketError(kind, message)


def _objects(bucket: str) -> dict[str, bytes]:
    found = world.buckets.get(bucket)
    return _fail("NoSuchBucket", f"no bucket `{bucket}`") if found is None else found


def _body(bucket: str, key: str) -> bytes:
    found = _objects(bucket).get(key)
    return _fail("NoSuchKey", f"no object `{key}`") if found is None else found


def _info(key: str, body: bytes) -> tuple[str, int, str, int]:
    return key, len(body), f'"{hashlib.md5(body).hexdigest()}"', 0


def get(bucket: str, key: str, span: Optional[tuple[int, Optional[int]]]) -> Any:
    body = _body(bucket, key)
    first, last = span or (0, None)
    if span is not None and first >= len(body):
        _fail("InvalidRange", "the range is not in the object")
    return _info(key, body), body[first : None if last is None else last + 1]


def put(bucket: str, key: str, body: bytes) -> Any:
    _objects(bucket)[key] = body
    return _info(key, body)


def head(bucket: str, key: str) -> Any:
    return _info(key, _body(bucket, key))


def list(bucket: str, prefix: str, more: Optional[str], limit: Optional[int]) -> Any:
    keys = sorted((key for key in _objects(bucket) if key.startswith(prefix)), key=str.encode)
    keys = [key for key in keys if more is None or key.encode() > more.encode()]
    page = keys[: min(limit or PAGE_OBJECTS_MAX, PAGE_OBJECTS_MAX)]
    return [_info(key, world.buckets[bucket][key]) for key in page], page[-1] if len(page) < len(keys) else None


def copy(bucket: str, key: str, to_bucket: str, to_key: str) -> Any:
    return put(to_bucket, to_key, _body(bucket, key))


def delete(bucket: str, key: str) -> None:
    _objects(bucket).pop(key, None)


def create(bucket: str, key: str) -> Writer:
    _objects(bucket)
    return Writer(bucket, key)


def write(writer: Writer, data: bytes) -> None:
    writer.parts.append(data)


def finish(writer: Writer) -> Any:
    return put(writer.bucket, writer.key, b"".join(writer.parts))


def abandon(writer: Writer) -> None:
    writer.parts.clear()


def send(
    method: str,
    scheme: str,
    authority: str,
    path: str,
    headers: dict[str, str],
    body: Optional[bytes],
    timeout: float,
    bytes_max: int,
) -> tuple[int, dict[str, str], bytes]:
    from ..http import HttpError

    if world.source is None:
        raise HttpError("Denied", "the function has no grant for this host")
    status, received, data = world.source(method, f"{scheme}://{authority}{path}")
    if len(data) > bytes_max:
        raise HttpError("TooLarge", f"the body is larger than {bytes_max} bytes")
    return status, received, data
