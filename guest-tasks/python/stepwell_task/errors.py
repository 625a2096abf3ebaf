"""How a task fails, reported as Lambda's runtime for Python reports it."""

from __future__ import annotations

import traceback
from types import TracebackType
from typing import Any, Optional


class Failure(Exception):
    """A failure with a name of your own, which the workflow's ``Retry`` and ``Catch`` match on."""

    def __init__(self, error: str, cause: str = "") -> None:
        super().__init__(cause)
        self.error = error


class RuntimeFailure(Exception):
    """A failure of the runtime, not of the task's code: it has no stack trace."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(cause)
        self.error = error


def name_of(error: BaseException) -> str:
    """The ``errorType``: the class's own name, as Lambda has it."""
    named = getattr(error, "error", None)
    if isinstance(error, (Failure, RuntimeFailure)) or getattr(error, "is_stepwell", False):
        return str(named)
    return type(error).__name__


def message_of(error: BaseException) -> str:
    """The ``errorMessage``."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001  (an error whose text cannot be made is still an error)
        return ""


def frames(trace: Optional[TracebackType]) -> list[str]:
    """The stack, without the frames of this package."""
    summary = traceback.extract_tb(trace)
    own = [frame for frame in summary if "/stepwell_task/" not in frame.filename]
    # As tuples they are shown without marks below the columns, as Lambda's runtime shows them.
    return traceback.format_list([(frame.filename, frame.lineno, frame.name, frame.line) for frame in own])


def report(error: BaseException, request_id: str) -> dict[str, Any]:
    """The payload, its members in Lambda's order."""
    trace = [] if isinstance(error, RuntimeFailure) else frames(error.__traceback__)
    payload: dict[str, Any] = {"errorMessage": message_of(error), "errorType": name_of(error)}
    payload["requestId"] = request_id
    payload["stackTrace"] = trace
    return payload


def logged(payload: dict[str, Any]) -> str:
    """What Lambda's runtime writes to the log of a failure."""
    text = f"{payload['errorType']}: {payload['errorMessage']}"
    if payload["stackTrace"]:
        text += "\nTraceback (most recent call last):\n" + "".join(payload["stackTrace"])
    return text.rstrip("\n")
