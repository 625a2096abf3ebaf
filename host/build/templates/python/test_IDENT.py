import types
import unittest

from IDENT import handler

CONTEXT = types.SimpleNamespace(function_name="IDENT")


class Test(unittest.TestCase):
    def test_greets_by_name(self):
        self.assertEqual(handler({"name": "Ada"}, CONTEXT)["greeting"], "Hello, Ada!")

    def test_refuses_what_is_no_name(self):
        with self.assertRaises(ValueError):
            handler({"name": 1}, CONTEXT)


if __name__ == "__main__":
    unittest.main()
