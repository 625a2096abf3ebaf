"""What a Stepwell task in Python may use beside the standard library: buckets, HTTP, a task's own failures.

A task is a function of the state that gives the next one, or a Lambda handler, which runs unchanged::

    from stepwell_task import Bucket

    def handler(state, context):
        rows = Bucket(state["bucket"]).get("cache/rows.json").body
        state["bytes"] = len(rows)
        return state

Outside a component, as in ``python3 -m unittest``, the same calls go to a world in memory, which
``stepwell_task.testing`` sets up and looks into.
"""

from . import http
from .buckets import Bucket, BucketError, Listing, Object, ObjectInfo, Writer
from .errors import Failure

__all__ = ["Bucket", "BucketError", "Failure", "Listing", "Object", "ObjectInfo", "Writer", "http"]
