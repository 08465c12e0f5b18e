"""What a process inside a sandbox finds locked, seen from the inside."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from airlock_agents.sandbox.outcome import Failed, Outcome, Success

RunAgent = Callable[..., Awaitable[Outcome]]


async def seen(run_python: RunAgent, code: str, **limits: Any) -> Any:
    """What the code found: the JSON value of its variable `found`."""
    prelude = "import json, os, socket, ctypes, errno\nfound = None\n"
    outcome = await run_python(f"{prelude}{code}\nprint(json.dumps(found))", protocol="stdio", **limits)
    assert isinstance(outcome, Success), outcome
    return json.loads(outcome.output)


async def test_it_is_nobody_and_has_no_capability(run_python: RunAgent) -> None:
    code = """
lines = dict(line.split(":", 1) for line in open("/proc/self/status") if ":" in line)
found = {key: lines[key].split() for key in
         ("Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp")}
"""
    status = await seen(run_python, code)
    assert status["Uid"] == status["Gid"] == ["65532"] * 4
    assert set(status["Groups"]) <= {"65532"}
    for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert status[kind] == ["0000000000000000"]
    assert status["NoNewPrivs"] == ["1"]
    assert status["Seccomp"] == ["2"]


@pytest.mark.parametrize(
    "path",
    ["/escape", "/opt/agent/x", "/etc/passwd", "/dev/x", "/dev/shm/x", "/var/tmp/x", "/proc/sys/kernel/x"],
)
async def test_it_can_write_nowhere_but_scratch(run_python: RunAgent, path: str) -> None:
    code = f"""
try:
    open({path!r}, "a").write("x")
    found = "written"
except OSError as error:
    found = errno.errorcode[error.errno]
"""
    assert await seen(run_python, code) in ("EROFS", "EACCES", "ENOENT")


async def test_scratch_is_where_it_starts_and_is_writable(run_python: RunAgent) -> None:
    code = "open('here', 'w').write('x'); found = [os.getcwd(), os.environ['HOME'], os.listdir('/tmp')]"
    assert await seen(run_python, code) == ["/tmp", "/tmp", ["here"]]


async def test_scratch_is_full_when_it_is_full(run_python: RunAgent) -> None:
    code = """
written = 0
try:
    for number in range(8):
        with open(f"/tmp/{number}", "wb") as file:
            written += file.write(b"x" * (1 << 20))
except OSError as error:
    found = [errno.errorcode[error.errno], written >> 20]
"""
    name, mebibytes = await seen(run_python, code, scratch_mb=4)
    assert name == "ENOSPC"
    assert mebibytes == 4


async def test_a_program_in_scratch_cannot_be_executed(run_shell: RunAgent) -> None:
    outcome = await run_shell("cp /bin/true /tmp/x && chmod 755 /tmp/x && /tmp/x")
    assert isinstance(outcome, Failed)
    assert outcome.failure.details == {"exit_code": 126}


async def test_it_has_no_network(run_python: RunAgent) -> None:
    code = """
found = {"interfaces": os.listdir("/sys/class/net"), "connects": {}}
for address in ("1.1.1.1", "172.17.0.1", "169.254.169.254"):
    try:
        socket.create_connection((address, 80), timeout=2)
        found["connects"][address] = "connected"
    except OSError as error:
        found["connects"][address] = errno.errorcode.get(error.errno, str(error))
try:
    socket.getaddrinfo("example.com", 80)
    found["resolves"] = True
except OSError:
    found["resolves"] = False
"""
    found = await seen(run_python, code)
    assert found["interfaces"] == ["lo"]
    assert set(found["connects"].values()) == {"ENETUNREACH"}
    assert not found["resolves"]


async def test_dangerous_calls_are_refused(run_python: RunAgent) -> None:
    code = """
libc = ctypes.CDLL(None, use_errno=True)
def attempt(call, *arguments):
    ctypes.set_errno(0)
    return errno.errorcode.get(ctypes.get_errno(), "ok") if call(*arguments) == -1 else "ok"
found = {
    "unshare user": attempt(libc.unshare, 0x10000000),
    "unshare mount": attempt(libc.unshare, 0x00020000),
    "mount": attempt(libc.mount, b"none", b"/tmp", b"tmpfs", 0, None),
    "setuid 0": attempt(libc.setuid, 0),
    "chroot": attempt(libc.chroot, b"/tmp"),
    "bpf": attempt(libc.syscall, 321, 0, 0, 0),
    "mknod": attempt(libc.mknod, b"/tmp/disk", 0o60644, 0x800),
}
"""
    found = await seen(run_python, code)
    assert {name for name, answer in found.items() if answer == "ok"} == set()


async def test_the_environment_holds_nothing_of_the_host(run_python: RunAgent, monkeypatch: Any) -> None:
    monkeypatch.setenv("AIRLOCK_DATABASE_URL", "secret")
    names = await seen(run_python, "found = sorted(os.environ)")
    assert set(names) <= {
        "HOME",
        "HOSTNAME",
        "LC_CTYPE",
        "PATH",
        "PWD",
        "PYTHONDONTWRITEBYTECODE",
        "PYTHONPATH",
        "PYTHONUNBUFFERED",
    }


async def test_no_host_folder_and_no_docker_socket_is_mounted(run_python: RunAgent) -> None:
    code = "found = [line.split()[1] for line in open('/proc/mounts') if line.split()[0].startswith('/dev/')]"
    # The engine's own three files; they are read-only like the root, or unwritable to this user.
    mounted = set(await seen(run_python, code))
    assert mounted <= {
        "/etc/resolv.conf",
        "/etc/hostname",
        "/etc/hosts",
        "/usr/sbin/docker-init",
        "/sbin/docker-init",
    }
    sockets = "found = [os.path.exists(p) for p in ('/var/run/docker.sock', '/run/docker.sock')]"
    assert await seen(run_python, sockets) == [False, False]


async def test_processes_files_and_dumps_have_limits(run_python: RunAgent) -> None:
    code = """
import resource
found = {name: resource.getrlimit(getattr(resource, "RLIMIT_" + name))[1]
         for name in ("CORE", "FSIZE", "NOFILE")}
"""
    assert await seen(run_python, code, scratch_mb=4) == {"CORE": 0, "FSIZE": 4 << 20, "NOFILE": 1024}


async def test_it_sees_no_process_but_its_own(run_python: RunAgent) -> None:
    pids = await seen(run_python, "found = [int(p) for p in os.listdir('/proc') if p.isdecimal()]")
    assert 1 in pids
    assert len(pids) <= 3
