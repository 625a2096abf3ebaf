"""HTTP requests to the hosts that the function was granted."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Mapping, Optional
from urllib.parse import urlsplit

from . import platform

#: The largest body that is read, unless ``bytes_max`` says otherwise.
BYTES_MAX = 16 << 20


class HttpError(Exception):
    """No answer came. ``error`` is what ``Retry`` and ``Catch`` match on: ``Http.Unreachable`` and so on."""

    is_stepwell = True

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        #: ``Denied``, ``InvalidUrl``, ``Unreachable``, ``Timeout``, ``Interrupted``, ``TooLarge`` or
        #: ``Status``.
        self.kind = kind

    @property
    def error(self) -> str:
        return f"Http.{self.kind}"


@dataclass
class Response:
    """An answer, whatever its status."""

    status: int
    #: Names in lower case.
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)

    def success(self) -> Response:
        """This answer if its status is 200 to 299; raises ``HttpError`` with ``Status`` otherwise."""
        if 200 <= self.status < 300:
            return self
        raise HttpError("Status", f"it answered with status {self.status}")


def request(
    method: str,
    url: str,
    headers: Optional[Mapping[str, str]] = None,
    body: Optional[bytes] = None,
    *,
    timeout: Optional[float] = None,
    bytes_max: int = BYTES_MAX,
) -> Response:
    """Sends a request and reads the whole answer.

    ``timeout`` is for all of it, in seconds; by default nine tenths of the time that is left.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc or "@" in parts.netloc:
        raise HttpError("InvalidUrl", f"`{url}` is no URL of HTTP with a host and without credentials")
    if timeout is None:
        timeout = platform.remaining_time_ms() / 1000 * 0.9
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    status, received, data = platform.send(
        method.upper(), parts.scheme, parts.netloc, path, dict(headers or {}), body, timeout, bytes_max
    )
    return Response(status, received, data)


def get(url: str, headers: Optional[Mapping[str, str]] = None, **options: Any) -> Response:
    """Sends a GET request."""
    return request("GET", url, headers, **options)


def post(url: str, body: bytes, headers: Optional[Mapping[str, str]] = None, **options: Any) -> Response:
    """Sends a POST request."""
    return request("POST", url, headers, body, **options)
