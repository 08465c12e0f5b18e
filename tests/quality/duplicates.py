"""Prints which blocks of code stand there twice, and fails at 3 % of all lines (make check).

symilar counts: six lines or more alike, without imports, comments, docstrings and signatures.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
MOST = 3.0
"""Per cent of all lines."""
_IGNORED = ("--ignore-imports", "--ignore-comments", "--ignore-docstrings", "--ignore-signatures")


def main() -> int:
    """Measure; answers the exit code."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"]
    files = subprocess.run(listed, cwd=CHECKOUT, check=True, capture_output=True, text=True).stdout.split(
        "\n"
    )
    there = [name for name in files if name and (CHECKOUT / name).is_file()]
    command = [str(Path(sys.executable).with_name("symilar")), "--duplicates=6", *_IGNORED, *there]
    said = subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True, text=True).stdout
    found = re.search(r"TOTAL lines=(\d+) duplicates=(\d+) percent=([\d.]+)", said)
    if found is None:
        sys.exit(f"airlock: symilar gave no total: {said[-500:]}")
    share = float(found[3])
    if share >= MOST:
        print(said)
    print(f"duplicates: {found[2]} of {found[1]} lines in {len(there)} files, {share} % (at most {MOST} %)")
    return 1 if share >= MOST else 0


if __name__ == "__main__":
    sys.exit(main())
