"""What a program asks for beyond the memory that is free is an error in words."""

from __future__ import annotations

import subprocess
import sys

import pytest

ASK = """
import numpy as np
from distill.console.errors import UserError, command
from export.simulator.memory_limit import limit_memory

@command
def main(argv):
    limit_memory()
    np.ones(2**46, np.uint8)
    return 0

raise SystemExit(main([]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is set on Linux alone")
def test_more_memory_than_is_free_is_one_line() -> None:
    done = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: out of memory (Unable to allocate 64.0 TiB")
