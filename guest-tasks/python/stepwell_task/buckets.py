"""Objects in buckets, with the meaning that S3 gives them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator, Optional

from . import platform


class BucketError(Exception):
    """A call failed. ``error`` is what ``Retry`` and ``Catch`` match on: ``Buckets.NoSuchKey`` and so on."""

    is_stepwell = True

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        #: ``AccessDenied``, ``NoSuchBucket``, ``NoSuchKey``, ``InvalidRange``, ``InvalidName``, ``TooLarge`` or
        #: ``Storage``.
        self.kind = kind

    @property
    def error(self) -> str:
        return f"Buckets.{self.kind}"


@dataclass
class ObjectInfo:
    """What is known about an object."""

    key: str
    #: In bytes.
    size: int
    #: Changes with the content; quotes included, as S3 has them.
    etag: str
    #: Since 1970-01-01T00:00:00Z.
    last_modified_ms: int


@dataclass
class Object:
    """An object, or the part of it that was asked for."""

    info: ObjectInfo
    body: bytes


@dataclass
class Listing:
    """One page of a listing."""

    objects: list[ObjectInfo]
    #: What to give for the next page; ``None`` on the last one.
    next: Optional[str]


class Writer:
    """An object that is written piece by piece, and becomes visible as a whole at the end of a ``with``.

    With an exception inside, nothing is left behind.
    """

    def __init__(self, handle: platform.Writer) -> None:
        self._handle = handle

    def write(self, data: bytes) -> None:
        """Appends bytes."""
        platform.write(self._handle, bytes(data))

    def finish(self) -> ObjectInfo:
        """Ends the object. Not to be called within a ``with``, which does it."""
        return ObjectInfo(*platform.finish(self._handle))

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self.finish()
        else:
            platform.abandon(self._handle)


class Bucket:
    """A bucket. A call outside the function's grants raises ``BucketError`` with ``AccessDenied``."""

    def __init__(self, name: str) -> None:
        self.name = name

    def get(self, key: str, first: int = 0, last: Optional[int] = None) -> Object:
        """Reads an object, or its bytes from ``first`` to ``last``, both included."""
        span = None if first == 0 and last is None else (first, last)
        info, body = platform.get(self.name, key, span)
        return Object(ObjectInfo(*info), body)

    def put(self, key: str, body: bytes) -> ObjectInfo:
        """Writes a whole object at once."""
        return ObjectInfo(*platform.put(self.name, key, bytes(body)))

    def head(self, key: str) -> ObjectInfo:
        """What is known about an object, without reading it."""
        return ObjectInfo(*platform.head(self.name, key))

    def list(self, prefix: str = "", next: Optional[str] = None, limit: Optional[int] = None) -> Listing:
        """One page of the objects whose keys begin with ``prefix``: 1,000 at most."""
        objects, more = platform.list(self.name, prefix, next, limit)
        return Listing([ObjectInfo(*info) for info in objects], more)

    def keys(self, prefix: str = "") -> Iterator[str]:
        """All keys that begin with ``prefix``, page by page."""
        more: Optional[str] = None
        while True:
            page = self.list(prefix, more)
            yield from (info.key for info in page.objects)
            more = page.next
            if more is None:
                return

    def copy(self, key: str, to_bucket: str, to_key: str) -> ObjectInfo:
        """Copies an object within the storage."""
        return ObjectInfo(*platform.copy(self.name, key, to_bucket, to_key))

    def delete(self, key: str) -> None:
        """Deletes an object; one that is not there as well."""
        platform.delete(self.name, key)

    def create(self, key: str) -> Writer:
        """Begins an object that is written piece by piece."""
        return Writer(platform.create(self.name, key))
