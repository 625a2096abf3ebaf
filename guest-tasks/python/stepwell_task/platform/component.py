"""The host, through the bindings that componentize-py generates."""

from __future__ import annotations

import logging
import os
from typing import Any, NoReturn, Optional

from componentize_py_types import Err, Ok
from wit_world.imports import buckets, environment, invocation, monotonic_clock, outgoing_handler, poll, types
from wit_world.imports import logging as wit_logging

Writer = buckets.Writer
context = invocation.get_context
remaining_time_ms = invocation.remaining_time_ms
report_error = invocation.report_error

READ_BYTES = 65_536

_LEVELS = [
    (logging.CRITICAL, wit_logging.Level.CRITICAL),
    (logging.ERROR, wit_logging.Level.ERROR),
    (logging.WARNING, wit_logging.Level.WARN),
    (logging.INFO, wit_logging.Level.INFO),
    (logging.DEBUG, wit_logging.Level.DEBUG),
]


def log(level: int, name: str, message: str) -> None:
    for at_least, said in _LEVELS:
        if level >= at_least:
            break
    else:
        said = wit_logging.Level.TRACE
    wit_logging.log(said, name, message.encode("utf-8", "replace").decode())


def refresh_environment() -> None:
    """The interpreter was made at build time: what it knows of the environment is of then."""
    os.environ.clear()
    os.environ.update(dict(environment.get_environment()))


def _bucket(call: Any, *arguments: Any) -> Any:
    from ..buckets import BucketError

    try:
        return call(*arguments)
    except Err as error:
        kind = type(error.value).__name__.removeprefix("Error_")
        raise BucketError(kind, error.value.value) from None


def _info(info: buckets.ObjectInfo) -> tuple[str, int, str, int]:
    return info.key, info.size, info.etag, info.last_modified_ms


def get(bucket: str, key: str, span: Optional[tuple[int, Optional[int]]]) -> tuple[Any, bytes]:
    wanted = None if span is None else buckets.ByteRange(*span)
    found = _bucket(buckets.get, bucket, key, wanted)
    return _info(found.info), found.body


def put(bucket: str, key: str, body: bytes) -> Any:
    return _info(_bucket(buckets.put, bucket, key, body))


def head(bucket: str, key: str) -> Any:
    return _info(_bucket(buckets.head, bucket, key))


def list(bucket: str, prefix: str, more: Optional[str], limit: Optional[int]) -> Any:
    page = _bucket(buckets.list, bucket, prefix, more, limit)
    return [_info(info) for info in page.objects], page.next


def copy(bucket: str, key: str, to_bucket: str, to_key: str) -> Any:
    return _info(_bucket(buckets.copy, bucket, key, to_bucket, to_key))


def delete(bucket: str, key: str) -> None:
    _bucket(buckets.delete, bucket, key)


def create(bucket: str, key: str) -> Writer:
    return _bucket(buckets.create, bucket, key)


def write(writer: Writer, data: bytes) -> None:
    _bucket(writer.write, data)


def finish(writer: Writer) -> Any:
    return _info(_bucket(Writer.finish, writer))


def abandon(writer: Writer) -> None:
    writer.__exit__(None, None, None)


_KINDS = {
    "Denied": {"HttpRequestDenied", "DestinationIpProhibited"},
    "InvalidUrl": {"HttpRequestMethodInvalid", "HttpRequestUriInvalid", "HttpRequestUriTooLong"},
    "Timeout": {
        "DnsTimeout",
        "ConnectionTimeout",
        "ConnectionReadTimeout",
        "ConnectionWriteTimeout",
        "HttpResponseTimeout",
    },
    "TooLarge": {"HttpResponseBodySize"},
    "Unreachable": {
        "DnsError",
        "DestinationNotFound",
        "DestinationUnavailable",
        "DestinationIpUnroutable",
        "ConnectionRefused",
        "ConnectionLimitReached",
        "TlsProtocolError",
        "TlsCertificateError",
        "TlsAlertReceived",
        "LoopDetected",
        "ConfigurationError",
    },
}
_WORDS = {
    "HttpRequestDenied": "the function has no grant for this host",
    "DnsError": "there is no such host",
    "DestinationNotFound": "there is no such host",
    "ConnectionRefused": "the connection was refused",
    "ConnectionTerminated": "the connection ended before the answer was whole",
    "HttpResponseIncomplete": "the connection ended before the answer was whole",
    "HttpProtocolError": "the connection ended before the answer was whole",
}


def _fail(kind: str, message: str) -> NoReturn:
    from ..http import HttpError

    raise HttpError(kind, message) from None


def _explain(code: Any) -> NoReturn:
    name = type(code).__name__.removeprefix("ErrorCode_")
    kind = next((kind for kind, names in _KINDS.items() if name in names), "Interrupted")
    _fail(kind, _WORDS.get(name, name))


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
    try:
        fields = types.Fields.from_list([(name.lower(), str(value).encode()) for name, value in headers.items()])
    except Err as error:
        _fail("InvalidUrl", f"a header is refused: {type(error.value).__name__}")
    request = types.OutgoingRequest(fields)
    try:
        known = getattr(types, f"Method_{method.capitalize()}", None)
        request.set_method(known() if known else types.Method_Other(method))
        request.set_scheme(types.Scheme_Https() if scheme == "https" else types.Scheme_Http())
        request.set_authority(authority)
        request.set_path_with_query(path)
    except Err:
        _fail("InvalidUrl", "the host does not take this URL or method")
    deadline = monotonic_clock.subscribe_duration(max(0, round(timeout * 1e9)))

    def wait(pollable: Any) -> None:
        with pollable:
            if 0 not in poll.poll([pollable, deadline]):
                _fail("Timeout", f"no whole answer within {timeout:g} s")

    outgoing = request.body() if body else None
    try:
        pending = outgoing_handler.handle(request, None)
    except Err as error:
        _explain(error.value)
    if outgoing is not None:
        _send_body(outgoing, body or b"", wait)
    wait(pending.subscribe())
    answer = pending.get()
    while isinstance(answer, (Ok, Err)):
        if isinstance(answer, Err):
            if answer.value is None:
                _fail("Interrupted", "the answer was lost")
            _explain(answer.value)
        answer = answer.value
    return _receive(answer, wait, bytes_max)


def _send_body(outgoing: Any, body: bytes, wait: Any) -> None:
    with outgoing.write() as stream:
        at = 0
        while at < len(body):
            wait(stream.subscribe())
            size = min(stream.check_write(), len(body) - at)
            stream.write(body[at : at + size])
            at += size
        stream.flush()
        wait(stream.subscribe())
    types.OutgoingBody.finish(outgoing, None)


def _receive(response: Any, wait: Any, bytes_max: int) -> tuple[int, dict[str, str], bytes]:
    status = response.status()
    received = {name.lower(): value.decode("utf-8", "replace") for name, value in response.headers().entries()}
    if int(received.get("content-length", "0") or 0) > bytes_max:
        _fail("TooLarge", f"the body is larger than {bytes_max} bytes")
    parts, size = [], 0
    with response.consume() as incoming, incoming.stream() as stream:
        while True:
            wait(stream.subscribe())
            try:
                part = stream.read(READ_BYTES)
            except Err as error:
                if type(error.value).__name__ == "StreamError_Closed":
                    break
                code = types.http_error_code(error.value.value)
                if code is None:
                    _fail("Interrupted", error.value.value.to_debug_string())
                _explain(code)
            size += len(part)
            if size > bytes_max:
                _fail("TooLarge", f"the body is larger than {bytes_max} bytes")
            parts.append(part)
    return status, received, b"".join(parts)
