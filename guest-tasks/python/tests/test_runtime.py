"""From an event to an answer, as Lambda's runtime for Python does it."""

import decimal
import json
import logging
import sys
import tempfile
import textwrap
import unittest
from pathlib import Path

import support  # noqa: F401
from stepwell_task import BucketError, Bucket, Failure, testing
from stepwell_task.platform import memory
from stepwell_task.runtime import Server, prepare


class Task(unittest.TestCase):
    """A task that is written to a file, prepared as for a component, and served."""

    def serve(self, text, handler="task.handler", **files):
        module, function = handler.rsplit(".", 1)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        for name, source in {"task": text, **files}.items():
            (Path(folder.name) / f"{name}.py").write_text(textwrap.dedent(source))
        before = sys.meta_path[:]
        modules = prepare(folder.name, module, function)
        self.addCleanup(sys.meta_path.__setitem__, slice(None), before)
        self.addCleanup(modules.forget)
        folder.cleanup()
        return Server(module, function)

    def setUp(self):
        testing.reset()

    def fails(self, server, event="{}"):
        succeeded, (error, cause) = server.handle(event)
        self.assertFalse(succeeded)
        payload = json.loads(memory.world.reported)
        self.assertEqual(list(payload), ["errorMessage", "errorType", "requestId", "stackTrace"])
        self.assertEqual((payload["errorType"], payload["errorMessage"]), (error, cause))
        return payload

    def test_values_come_back_as_they_are(self):
        server = self.serve("def handler(event, context): return event")
        for text in [
            "null", "true", "[]", "{}", '""', "0", "-1", "1.0", "0.1", "1e-7", "1.7976931348623157e+308",
            "9007199254740993", "123456789012345678901234567890", '"é😀\\u0000"', '{"a":[1,{"b":null}]}',
            '"\\ud800"',
        ]:
            succeeded, answer = server.handle(text)
            self.assertTrue(succeeded)
            self.assertEqual(json.loads(answer), json.loads(text))
            self.assertEqual(type(json.loads(answer)), type(json.loads(text)))
            answer.encode()

    def test_an_exception_is_reported_with_its_stack(self):
        server = self.serve(
            """
            class Lost(Exception):
                pass

            def find(name):
                raise Lost(f"no {name}")

            def handler(event, context):
                return find("order")
            """
        )
        payload = self.fails(server)
        self.assertEqual((payload["errorType"], payload["errorMessage"]), ("Lost", "no order"))
        self.assertEqual(
            payload["stackTrace"],
            [
                '  File "/var/task/task.py", line 9, in handler\n    return find("order")\n',
                '  File "/var/task/task.py", line 6, in find\n    raise Lost(f"no {name}")\n',
            ],
        )
        [(level, _, message)] = testing.log()
        self.assertEqual(level, logging.ERROR)
        self.assertTrue(message.startswith("Lost: no order\nTraceback (most recent call last):\n  File "))

    def test_what_is_no_json_is_a_marshal_error(self):
        server = self.serve("def handler(event, context): return {1, 2}")
        payload = self.fails(server)
        self.assertEqual(payload["errorType"], "Runtime.MarshalError")
        self.assertEqual(
            payload["errorMessage"], "Unable to marshal response: Object of type set is not JSON serializable"
        )
        self.assertEqual(payload["stackTrace"], [])

    def test_decimals_are_numbers(self):
        server = self.serve("import decimal\ndef handler(event, context): return decimal.Decimal('1.5')")
        self.assertEqual(server.handle("{}"), (True, "1.5"))

    def test_a_function_of_the_state_alone_is_a_task(self):
        server = self.serve(
            """
            def fetch(state):
                state['offset'] = state['offset'] + 25
                return state
            """,
            "task.fetch",
        )
        self.assertEqual(server.handle('{"offset": 50}'), (True, '{"offset":75}'))

    def test_failures_have_names_of_their_own(self):
        server = self.serve(
            """
            from stepwell_task import Bucket, Failure
            def handler(event, context):
                if event:
                    Bucket("none").get("key")
                raise Failure("Source.Closed", "at night")
            """
        )
        self.assertEqual(self.fails(server)["errorType"], "Source.Closed")
        self.assertEqual(self.fails(server, "1")["errorType"], "Buckets.NoSuchBucket")

    def test_modules_are_imported_at_the_first_event(self):
        server = self.serve(
            """
            import os
            from helper import double
            STAGE = os.environ["STAGE_OF_THIS_TEST"]
            def handler(event, context): return [STAGE, double(event)]
            """,
            helper="def double(number): return 2 * number",
        )
        import os

        os.environ["STAGE_OF_THIS_TEST"] = "run"
        self.addCleanup(os.environ.pop, "STAGE_OF_THIS_TEST")
        self.assertEqual(server.handle("4"), (True, '["run",8]'))

    def test_mistakes_are_found_when_it_is_built(self):
        with self.assertRaisesRegex(RuntimeError, "Handler 'other' missing on module 'task'"):
            self.serve("def handler(event, context): pass", "task.other")
        with self.assertRaises(ModuleNotFoundError):
            self.serve("import there_is_no_such_module")
        with self.assertRaises(SyntaxError):
            self.serve("def handler(:")

    def test_the_context_is_that_of_lambda(self):
        context = testing.context()
        self.assertEqual(context.function_name, "test")
        self.assertEqual(context.memory_limit_in_mb, "128")
        self.assertEqual(context.get_remaining_time_in_millis(), 900_000)

    def test_log_records_have_levels_and_loggers(self):
        server = self.serve(
            """
            import logging
            log = logging.getLogger("orders")
            def handler(event, context):
                log.info("not told, as in Lambda")
                log.warning("%d left", 3)
            """
        )
        server.handle("{}")
        self.assertEqual(testing.log(), [(logging.WARNING, "orders", "3 left")])


class Buckets(unittest.TestCase):
    def setUp(self):
        testing.reset()
        testing.put("b", "k", b"0123456789")

    def test_ranges_include_both_ends(self):
        bucket = Bucket("b")
        self.assertEqual(bucket.get("k").body, b"0123456789")
        self.assertEqual(bucket.get("k", 2, 4).body, b"234")
        self.assertEqual(bucket.get("k", 8).body, b"89")
        with self.assertRaises(BucketError) as raised:
            bucket.get("k", 10)
        self.assertEqual(raised.exception.error, "Buckets.InvalidRange")

    def test_an_object_that_fails_halfway_leaves_nothing(self):
        with self.assertRaises(Failure), Bucket("b").create("new") as writer:
            writer.write(b"half")
            raise Failure("Stop")
        self.assertIsNone(testing.object("b", "new"))
        with Bucket("b").create("new") as writer:
            writer.write(b"half")
            writer.write(b" and half")
        self.assertEqual(testing.object("b", "new"), b"half and half")


if __name__ == "__main__":
    unittest.main()
