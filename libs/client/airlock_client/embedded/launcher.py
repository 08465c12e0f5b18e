"""Run one server as a child and end it when the process that wanted it is gone.

Started by `process.py` in Python's isolated mode; standard library only, one thread. Why a process of its own
instead of `PR_SET_PDEATHSIG` in the server: that signal follows the *thread* that forked, so a server started
from a pool thread dies with that thread. This process has one thread, which lives as long as the server, so
here the signal is safe: it covers the launcher itself being killed. For everything above it the launcher
watches the owner's pidfd (Linux 5.3) and its own standard input, and then stops the server in an orderly way.

argv: one JSON object {argv, cwd, uid, gid, owner, stops: [[signal, seconds], ...]}; no secret is ever in it.
stdin: a byte `k` kills the server at once, end of file stops it. stdout: the server's pid in one line.
stderr is the server's log. Exit code: the server's own, or 128 plus the signal that ended it.
"""

import ctypes
import json
import os
import select
import signal
import sys
import time

PR_SET_PDEATHSIG = 1
COULD_NOT_START = 127


def main() -> int:
    """Start the server that argv describes, watch over it, and answer with its exit code."""
    spec = json.loads(sys.argv[1])
    owner = os.pidfd_open(spec["owner"])
    if os.getppid() != spec["owner"]:
        return COULD_NOT_START  # the owner died before its pidfd was open; nothing was started
    wake = _signals_as_bytes()
    libc = ctypes.CDLL(None, use_errno=True)
    pid = os.fork()
    if pid == 0:
        _become_the_server(spec, libc)
    os.write(1, b"%d\n" % pid)
    os.close(1)
    server = os.pidfd_open(pid)
    if not _wait_for_a_reason_to_stop(server, owner, wake):
        for number, seconds in [*spec["stops"], [signal.SIGKILL, 10.0]]:
            signal.pidfd_send_signal(server, number)
            if _ended_within(server, seconds):
                break
    _, status = os.waitpid(pid, 0)
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


def _signals_as_bytes() -> int:
    """Turn SIGTERM, SIGINT and SIGHUP into bytes on a pipe, so that one poll hears everything."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    return reader


def _become_the_server(spec: dict, libc: ctypes.CDLL) -> None:  # type: ignore[type-arg]
    """Drop privileges, ask to die with the launcher, and replace this process by the server."""
    try:
        launcher = os.getppid()
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(2, 1)
        os.umask(0o077)
        os.chdir(spec["cwd"])
        if spec["uid"] is not None:
            os.setgroups([])
            os.setgid(spec["gid"])
            os.setuid(spec["uid"])
        # After the change of user, which clears it. SIGQUIT is "end at once" for Postgres and for Go.
        if libc.prctl(PR_SET_PDEATHSIG, signal.SIGQUIT, 0, 0, 0) != 0 or os.getppid() != launcher:
            os._exit(COULD_NOT_START)
        os.execv(spec["argv"][0], spec["argv"])  # noqa: S606
    except OSError as error:
        os.write(2, f"launcher: {spec['argv'][0]}: {error}\n".encode())
    os._exit(COULD_NOT_START)


def _wait_for_a_reason_to_stop(server: int, owner: int, wake: int) -> bool:
    """Wait until the server ended by itself or was killed on request (True) or should be stopped (False)."""
    poll = select.poll()
    for descriptor in (server, owner, wake, 0):
        poll.register(descriptor, select.POLLIN)
    while True:
        ready = {descriptor for descriptor, _ in poll.poll()}
        if server in ready:
            return True
        if 0 in ready and os.read(0, 1) == b"k":
            signal.pidfd_send_signal(server, signal.SIGKILL)
            continue
        return False


def _ended_within(server: int, seconds: float) -> bool:
    poll = select.poll()
    poll.register(server, select.POLLIN)
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        if poll.poll(left * 1000):
            return True
    return False


if __name__ == "__main__":
    sys.exit(main())
