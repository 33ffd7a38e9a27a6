"""Makes the modules of tests/system importable from here: import this one before them."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))
