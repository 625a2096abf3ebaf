"""The context object, with the names that Lambda's has."""

from __future__ import annotations

from . import platform


class Context:
    """What a handler knows of its invocation."""

    def __init__(self) -> None:
        said = platform.context()
        self.aws_request_id: str = said.request_id
        self.function_name: str = said.function_name
        self.function_version: str = said.function_version
        self.invoked_function_arn: str = said.invoked_function_arn
        #: Megabytes; a text, as Lambda gives it.
        self.memory_limit_in_mb: str = str(said.memory_limit_mb)
        self.log_group_name: str = f"/aws/lambda/{said.function_name}"
        self.log_stream_name: str = f"stepwell/[{said.function_version}]{said.request_id}"
        self.identity = None
        self.client_context = None
        self.tenant_id = None

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds left before the invocation is stopped."""
        return platform.remaining_time_ms()
