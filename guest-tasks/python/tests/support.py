"""Finds the package and the tasks: ``python3 -m unittest discover -s tests`` needs nothing installed."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
IMPORT = ROOT / "import_orders"
sys.path[:0] = [str(ROOT), str(IMPORT)]
