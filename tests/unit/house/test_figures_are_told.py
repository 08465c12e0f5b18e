"""What tests measure stands at the end of what pytest prints, also where workers run them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[3]


def test_a_figure_that_a_worker_measured_is_printed_by_the_process_that_started_it() -> None:
    measuring = "tests/unit/engine/test_step_properties.py::test_steps_alone_are_quick"
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider", measuring]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^=+ figures =+\none step: \d+ us$", done.stdout, re.MULTILINE), done.stdout
