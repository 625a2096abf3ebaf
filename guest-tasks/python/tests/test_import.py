"""The three tasks of an import, in a world in memory."""

import json
import unittest

from support import IMPORT  # noqa: F401  (finds the tasks)
from fetch import fetch, page_url
from initialize import initialize
from persist import persist
from stepwell_task import Failure, testing


def state(**more):
    return {"source": "http://s/o", "bucket": "b", "cache": "c/", "destination": "d.jsonl", **more}


class Import(unittest.TestCase):
    def setUp(self):
        testing.reset()
        testing.bucket("b")

    def test_pages_become_one_object(self):
        rows = [f'{{"id": {index}, "amount": 1.10}}' for index in range(60)]

        def answer(method, url):
            offset = int(url.split("offset=")[1].split("&")[0])
            return 200, {}, ("[" + ",\n".join(rows[offset : offset + 25]) + "]").encode()

        testing.source(answer)
        testing.put("b", "c/page-stale", b"x\n")
        at = initialize(state())
        self.assertEqual((at["continue"], at["offset"]), (True, 0))
        while at["continue"]:
            at = fetch(at)
        self.assertEqual(at["offset"], 60)
        at = persist(at)
        self.assertEqual(testing.object("b", "d.jsonl").decode().splitlines(), rows)
        self.assertEqual((at["rows"], at["object"]["key"]), (60, "d.jsonl"))

    def test_rows_keep_their_digits(self):
        testing.source(lambda *_: (200, {}, b'[ 9007199254740993, 1.10 ,{"a":\n "]"}, 1e400]'))
        fetch(state(offset=0))
        self.assertEqual(testing.object("b", "c/page-000000000000.jsonl"), b'9007199254740993\n1.10\n{"a": "]"}\n1e400\n')

    def test_what_cannot_work_has_a_name(self):
        testing.put("b", "c/page-1", b"1\n2\n")
        for task, given, error in [
            (initialize, state(cache="c"), "InvalidInput"),
            (initialize, state(destination="c/d"), "InvalidInput"),
            (fetch, state(), "InvalidInput"),
            (fetch, state(offset=0, limit=0), "InvalidInput"),
            (persist, state(offset=3), "Cache.Inconsistent"),
        ]:
            with self.subTest(error=error, given=given), self.assertRaises(Failure) as raised:
                task(given)
            self.assertEqual(raised.exception.error, error)
        self.assertIsNone(testing.object("b", "d.jsonl"), "half an object")
        testing.source(lambda *_: (200, {}, b'{"a": 1}'))
        with self.assertRaises(Failure) as raised:
            fetch(state(offset=0))
        self.assertEqual(raised.exception.error, "Source.InvalidPage")

    def test_the_page_is_added_to_the_sources_own_query(self):
        for source, url in [
            ("http://s/o", "http://s/o?offset=5&limit=25"),
            ("http://s/o?shop=1#x", "http://s/o?shop=1&offset=5&limit=25"),
            ("http://s/o?", "http://s/o?offset=5&limit=25"),
        ]:
            self.assertEqual(page_url(source, 5, 25), url)


if __name__ == "__main__":
    unittest.main()
