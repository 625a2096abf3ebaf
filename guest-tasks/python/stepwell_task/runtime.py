"""From the world's ``handle`` to a function of Lambda's runtime for Python, and back.

A component is a snapshot of an interpreter that has imported the task. What a module of the task reads when it is
imported (the environment, the time, random numbers) must be that of the run, though, and not that of the build. So
there are two imports: one when it is built, after which all that it needs is in memory, and one from there when the
first event comes.
"""

from __future__ import annotations

import ast
import decimal
import importlib
import importlib.abc
import importlib.util
import inspect
import json
import linecache
import logging
import math
import os
import random
import sys
from types import CodeType, ModuleType
from typing import Any, Callable, Optional

from . import platform
from .context import Context
from .errors import RuntimeFailure, logged, message_of, name_of, report

#: Where Lambda has a function's files.
TASK_ROOT = "/var/task"
#: Folders that no task imports from.
PASSED_OVER = {"__pycache__", "venv", "node_modules", "target", "dist", "tests", "wit_world"}
#: The longest payload of a failure that the world takes, in bytes.
REPORTED_BYTES_MAX = 262_144


class Modules(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """The task's own modules, compiled when the component was built."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.code: dict[str, tuple[CodeType, str, bool]] = {}
        #: What they import, as far as it can be seen.
        self.imported: set[str] = set()
        self._gather(folder, "")

    def _gather(self, folder: str, package: str) -> None:
        for name in sorted(os.listdir(folder)):
            path = os.path.join(folder, name)
            stem, extension = os.path.splitext(name)
            if name.startswith(".") or name in PASSED_OVER:
                continue
            if os.path.isdir(path) and name.isidentifier():
                self._gather(path, f"{package}{name}.")
            elif extension == ".py" and stem.isidentifier():
                self._add(path, package[:-1] if stem == "__init__" else package + stem, stem == "__init__")

    def _add(self, path: str, name: str, is_package: bool) -> None:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        shown = TASK_ROOT + path.removeprefix(self.folder)
        try:
            tree = ast.parse(text, shown)
        except SyntaxError:
            # The task may never import it. If it does, the import from the file tells.
            return
        self.code[name] = (compile(tree, shown, "exec", dont_inherit=True), shown, is_package)
        # For stack traces, when there are no files any more; with `None` for the time it is not looked at again.
        linecache.cache[shown] = (len(text), None, text.splitlines(keepends=True), shown)
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                self.imported.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                self.imported.add(node.module)

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        if fullname not in self.code:
            return None
        _, shown, is_package = self.code[fullname]
        return importlib.util.spec_from_loader(fullname, self, origin=shown, is_package=is_package)

    def exec_module(self, module: ModuleType) -> None:
        code, shown, _ = self.code[module.__name__]
        module.__file__ = shown
        exec(code, module.__dict__)

    def forget(self) -> None:
        """Lets the task's modules be imported anew."""
        for name in [name for name in sys.modules if name in self.code]:
            del sys.modules[name]


class LogHandler(logging.Handler):
    """Hands log records to the host, with their level."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            platform.log(record.levelno, record.name, self.format(record))
        except Exception:  # noqa: BLE001  (as in the standard library: a log line is no reason to fail)
            self.handleError(record)


class Encoder(json.JSONEncoder):
    """Writes what Lambda's runtime writes."""

    def default(self, value: Any) -> Any:
        if isinstance(value, decimal.Decimal):
            return math.nan if value.is_nan() else float(value)
        return super().default(value)


def to_json(value: Any) -> str:
    """The text of an answer."""
    try:
        text = Encoder(ensure_ascii=False, separators=(",", ":")).encode(value)
    except Exception as error:
        raise RuntimeFailure("Runtime.MarshalError", f"Unable to marshal response: {message_of(error)}") from None
    try:
        text.encode()
    except UnicodeEncodeError:
        # Half of a surrogate pair, which only an escape can write.
        text = Encoder(separators=(",", ":")).encode(value)
    return text


def _try(module: str, function: str) -> None:
    """Imports the task for what that brings along, and for mistakes."""
    try:
        imported = importlib.import_module(module)
    except (ImportError, SyntaxError):
        raise
    except Exception:  # noqa: BLE001  (it may want its environment: at the first event it has it)
        return
    if not callable(getattr(imported, function, None)):
        raise RuntimeError(f"Handler '{function}' missing on module '{module}'")


def prepare(folder: str, module: str, function: str) -> Modules:
    """At build time: imports the task, and all that it may import later."""
    modules = Modules(folder)
    sys.path.insert(0, folder)
    try:
        _try(module, function)
        for name in sorted(modules.imported - set(modules.code)):
            try:
                importlib.import_module(name)
            except Exception:  # noqa: BLE001  (an import that the task never gets to, or one that it catches)
                pass
    finally:
        sys.path.remove(folder)
        modules.forget()
    sys.meta_path.insert(0, modules)
    root = logging.getLogger()
    root.handlers[:] = [LogHandler()]
    return modules


def load(module: str, function: str) -> Callable[[Any, Any], Any]:
    """At the first event: the handler, in the environment of the run. Failures have Lambda's names."""
    platform.refresh_environment()
    random.seed()
    level = os.environ.get("AWS_LAMBDA_LOG_LEVEL", "").upper()
    if level in logging.getLevelNamesMapping():
        logging.getLogger().setLevel(level)
    try:
        imported = importlib.import_module(module)
    except ImportError as error:
        raise RuntimeFailure("Runtime.ImportModuleError", f"Unable to import module '{module}': {error}") from None
    except SyntaxError as error:
        message = f"Syntax error in module '{module}': {error}"
        raise RuntimeFailure("Runtime.UserCodeSyntaxError", message) from None
    handler = getattr(imported, function, None)
    if handler is None:
        raise RuntimeFailure("Runtime.HandlerNotFound", f"Handler '{function}' missing on module '{module}'")
    return handler


def answer(handler: Callable[[Any, Any], Any], event: str) -> str:
    """Reads the event, calls the handler, writes its answer."""
    try:
        state = json.loads(event)
    except ValueError as error:
        raise RuntimeFailure("Runtime.UnmarshalError", f"Unable to unmarshal input: {error}") from None
    return to_json(handler(state) if takes_one(handler) else handler(state, Context()))


def takes_one(handler: Callable[..., Any]) -> bool:
    """Whether it is a function of the state alone: ``def fetch(state)``."""
    code = getattr(handler, "__code__", None)
    takes_more = inspect.CO_VARARGS
    return code is not None and code.co_argcount == 1 and not code.co_flags & takes_more


class Server:
    """Serves the events of one instance."""

    def __init__(self, module: str, function: str) -> None:
        self.module, self.function = module, function
        self.handler: Optional[Callable[[Any, Any], Any]] = None

    def handle(self, event: str) -> tuple[bool, Any]:
        """The answer's text, or a failure's name and cause."""
        try:
            if self.handler is None:
                self.handler = load(self.module, self.function)
            return True, answer(self.handler, event)
        except SystemExit as error:
            # Lambda's runtime ends with it; so does this instance.
            flush()
            status = error.code if isinstance(error.code, int) else int(error.code is not None)
            os._exit(status)
        except BaseException as error:  # noqa: BLE001  (whatever it is, it is how the task failed)
            payload = report(error, platform.context().request_id)
            platform.log(logging.ERROR, "", logged(payload))
            text = to_json(payload)
            if len(text.encode()) > REPORTED_BYTES_MAX:
                payload["stackTrace"] = payload["stackTrace"][-10:]
                payload["errorMessage"] = payload["errorMessage"][:32_768]
                text = to_json(payload)
            if len(text.encode()) <= REPORTED_BYTES_MAX and name_of(error):
                platform.report_error(text)
            return False, (payload["errorType"], payload["errorMessage"])
        finally:
            flush()


def flush() -> None:
    """What was printed belongs to this invocation."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()


def folder_of(module: str) -> str:
    """The folder of ``sys.path`` that a module is in."""
    path = module.replace(".", "/")
    for folder in sys.path:
        if any(os.path.isfile(f"{folder}/{path}{end}") for end in (".py", "/__init__.py")):
            return folder
    raise ModuleNotFoundError(f"No module named '{module}'")


def serve(module: str, function: str) -> type:
    """The class that the world wants, for one task."""
    from componentize_py_types import Err
    from wit_world.exports import handler as world

    prepare(folder_of(module), module, function)
    server = Server(module, function)

    class Handler:
        def handle(self, event: str) -> str:
            succeeded, told = server.handle(event)
            if succeeded:
                return told
            raise Err(world.Failure(*told))

    return Handler
