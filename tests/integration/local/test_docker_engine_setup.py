"""The Docker set-up uses what answers, mends what it may, and else says in one line what to do."""

import os
import pty
import select
import signal
import subprocess
import sys

import pytest
from made_up_machine import Machine

MISSING = (3, "Docker Engine missing: no engine is installed on this machine. Install one.")
STOPPED = (4, "Docker Engine stopped: nothing listens on /var/run/docker.sock. Start it.")


def install_dockerd(machine: Machine) -> None:
    machine.command("dockerd", machine.read("dockerd"))


def test_an_engine_that_answers_is_used_as_it_is(machine: Machine) -> None:
    machine.write("up", "")
    done = machine.run("docker-engine.sh")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert machine.installed == []


@pytest.mark.parametrize(
    ("code", "line"),
    [
        (5, "Docker Engine permission denied: /var/run/docker.sock. Join the group docker."),
        (6, "Docker Engine unreachable: tcp://far.example.com:2376. Check the network."),
        (7, "Docker Engine too old: API 1.38. Upgrade to 20.10."),
    ],
)
def test_what_no_installation_would_mend_is_said_in_one_line(machine: Machine, code: int, line: str) -> None:
    install_dockerd(machine)
    machine.engine_says(code, line)
    done = machine.run("docker-engine.sh")
    assert (done.returncode, done.stderr) == (1, f"airlock: {line}\n")
    assert not (machine.folder / "up").exists()


@pytest.mark.parametrize(("code", "line"), [MISSING, STOPPED])
@pytest.mark.parametrize(("root", "release"), [(False, "ID=debian\n"), (True, "ID=fedora\n")])
def test_a_machine_that_may_not_be_changed_is_told_what_to_do(
    machine: Machine, code: int, line: str, root: bool, release: str
) -> None:
    machine.becomes(root=root, release=release)
    machine.engine_says(code, line)
    done = machine.run("docker-engine.sh")
    assert (done.returncode, done.stderr) == (1, f"airlock: {line}\n")
    assert machine.installed == []


@pytest.mark.parametrize(
    "elsewhere", [{"DOCKER_HOST": "tcp://far.example.com:2376"}, {"DOCKER_CONTEXT": "colima"}]
)
def test_nothing_is_installed_when_docker_is_told_to_look_elsewhere(
    machine: Machine, elsewhere: dict[str, str]
) -> None:
    machine.engine_says(*STOPPED)
    assert machine.run("docker-engine.sh", more=elsewhere).returncode == 1
    assert machine.installed == []


def test_nothing_is_installed_when_the_current_context_is_another_engine(machine: Machine) -> None:
    machine.engine_says(*STOPPED)
    machine.write(".docker/config.json", '{"auths": {}, "currentContext": "desktop-linux"}')
    assert machine.run("docker-engine.sh").returncode == 1
    assert machine.installed == []


def test_a_missing_engine_is_installed_started_and_named(machine: Machine) -> None:
    machine.engine_says(*MISSING)
    done = machine.run("docker-engine.sh")
    assert done.returncode == 0, done.stderr
    assert "installing docker.io and starting it (undo: " in done.stderr
    assert len(machine.installed) == 1
    assert "docker.io" in machine.installed[0].split()
    pid = int(machine.read("run/airlock-dockerd.pid"))
    assert f"stop it with: kill {pid}" in done.stderr
    # A session of its own: it outlives the command and hears no Ctrl-C of its terminal.
    assert os.getsid(pid) == pid
    assert f"kill {pid}" in machine.run("docker-engine.sh", "named").stderr
    machine.write("run/airlock-dockerd.checkout", "/another/checkout")  # whose people may be using it
    assert "kill" not in machine.run("docker-engine.sh", "named").stderr
    os.kill(pid, signal.SIGTERM)


def test_an_installation_that_starts_the_engine_itself_leaves_nothing_to_start(machine: Machine) -> None:
    machine.engine_says(*MISSING)
    machine.command("apt-get", '#!/bin/bash\ntouch "$MACHINE/up"\n')
    done = machine.run("docker-engine.sh")
    assert done.returncode == 0
    assert not (machine.folder / "run" / "airlock-dockerd.pid").exists()


def test_a_stopped_engine_is_started_although_a_killed_one_left_its_pid_files(machine: Machine) -> None:
    install_dockerd(machine)
    machine.engine_says(*STOPPED)
    # Both numbers were given out again since: to this very process.
    ours = str(os.getpid())
    stale = [
        machine.write("run/docker.pid", ours),
        machine.write("run/docker/containerd/containerd.pid", ours),
    ]
    done = machine.run("docker-engine.sh")
    assert done.returncode == 0, done.stderr
    assert machine.installed == []
    assert not any(path.exists() for path in stale)


def test_a_daemon_that_runs_and_does_not_answer_is_named_and_not_started_twice(machine: Machine) -> None:
    machine.command("dockerd", "#!/bin/bash\nsleep 300 &\ntrap 'kill $!' TERM\nwait\n")
    machine.engine_says(*STOPPED)
    daemon = subprocess.Popen(
        [str(machine.folder / "bin" / "dockerd")], env=machine.environment, start_new_session=True
    )
    try:
        machine.write("run/docker.pid", str(daemon.pid))
        done = machine.run("docker-engine.sh", more={"AIRLOCK_DOCKER_PATIENCE": "1"})
        assert done.returncode == 1
        assert f"dockerd runs (pid {daemon.pid}) and does not answer" in done.stderr
        assert not (machine.folder / "dockerd.log").exists()
    finally:
        daemon.terminate()
        daemon.wait()


def test_a_daemon_that_ends_shows_the_end_of_its_log(machine: Machine) -> None:
    machine.command("dockerd", "#!/bin/bash\necho 'iptables: permission denied' >&2\nexit 1\n")
    machine.engine_says(*STOPPED)
    done = machine.run("docker-engine.sh")
    assert done.returncode == 1
    assert "iptables: permission denied" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("airlock: dockerd did not start (whole log: ")
    assert not (machine.folder / "run" / "airlock-dockerd.pid").exists()


def test_where_a_service_manager_runs_it_starts_the_engine(machine: Machine) -> None:
    install_dockerd(machine)
    machine.engine_says(*STOPPED)
    (machine.folder / "run" / "systemd" / "system").mkdir(parents=True)
    machine.command("systemctl", '#!/bin/bash\necho "$*" >"$MACHINE/systemctl.calls"\ntouch "$MACHINE/up"\n')
    done = machine.run("docker-engine.sh")
    assert done.returncode == 0
    assert machine.read("systemctl.calls") == "start docker\n"
    assert "undo: systemctl stop docker" in done.stderr


@pytest.mark.parametrize(("answer", "code"), [("n\n", 1), ("\n", 0)])
def test_in_a_terminal_a_person_is_asked_first(machine: Machine, answer: str, code: int) -> None:
    machine.engine_says(*MISSING)
    parent, child = pty.openpty()
    asked = subprocess.Popen(
        [str(machine.folder / "infra" / "local" / "docker-engine.sh")],
        env=machine.environment,
        stdin=child,
        stderr=child,
    )
    os.close(child)
    seen = b""
    while b"[Y/n]" not in seen:
        ready, _, _ = select.select([parent], [], [], 20)
        assert ready, f"nobody was asked; seen: {seen!r}"
        seen += os.read(parent, 4096)
    assert machine.installed == []
    os.write(parent, answer.encode())
    assert asked.wait(timeout=30) == code
    assert len(machine.installed) == (1 if code == 0 else 0)
    os.close(parent)


def test_an_engine_command_that_breaks_is_shown_whole(machine: Machine) -> None:
    machine.engine_says(1, "Traceback: ModuleNotFoundError")
    done = machine.run("docker-engine.sh")
    assert done.returncode == 1
    assert "ModuleNotFoundError" in done.stderr
    assert machine.installed == []


def test_this_machines_own_answer_has_the_form_that_the_script_reads() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "airlock_agents", "engine"], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout.split()[:1]) == (0, ["ok"]), done.stderr
