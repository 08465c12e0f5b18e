"""What a measured process does before coverage starts: only threads with an event loop follow greenlets.

To follow them, coverage makes one in each thread. When such a thread ends, greenlet lets Python code run
amid CPython's pending calls, and while that is traced CPython 3.11 may go round there for ever: a suite that
starts thousands of threads came to a stand there, and no time limit could end it.
"""

from __future__ import annotations

import threading
from typing import Any

from coverage.collector import Collector

_WITH_A_LOOP = ("MainThread", "served-api", "test-databases")
"""Names of threads in which SQLAlchemy may be awaited, and so makes greenlets."""


def _of_this_thread(collector: Any) -> Any:
    return vars(collector)["getcurrent"] if threading.current_thread().name in _WITH_A_LOOP else None


def _of_all(collector: Any, getcurrent: Any) -> None:
    vars(collector)["getcurrent"] = getcurrent


Collector.concur_id_func = property(_of_this_thread, _of_all)
