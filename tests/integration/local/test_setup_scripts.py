"""The other set-up scripts: base image tools, the environment, steps that tell their time, make's list."""

import subprocess
from pathlib import Path

import pytest
from made_up_machine import Machine

ROOT = Path(__file__).resolve().parents[3]
# A Python 3.12 that runs and, unless it is whole, has no module venv.
PYTHON = """#!/bin/bash
case "$*" in
    *ensurepip*) exit {venv} ;;
    *-venv*) echo python3.12-venv ;;
    *version_info*) exit {new} ;;
    *) echo "$*" >>"$MACHINE/python.calls"; exit 1 ;;
esac
"""


def test_mmdebstrap_is_installed_where_it_may_be(machine: Machine) -> None:
    done = machine.run("base-tools.sh")
    assert (done.returncode, done.stderr) == (
        0,
        "airlock: installing mmdebstrap (undo: apt-get remove mmdebstrap)\n",
    )
    assert machine.installed[0].split()[-1] == "mmdebstrap"


def test_elsewhere_one_line_says_how_to_get_mmdebstrap_or_do_without(machine: Machine) -> None:
    machine.becomes(root=False)
    done = machine.run("base-tools.sh")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "apt-get install mmdebstrap" in done.stderr
    assert "AIRLOCK_BASE_IMAGE=" in done.stderr


def test_without_root_a_missing_newuidmap_is_told_beforehand(machine: Machine) -> None:
    machine.becomes(root=False)
    machine.command("mmdebstrap", "#!/bin/bash\n")
    done = machine.run("base-tools.sh")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "apt-get install uidmap" in done.stderr
    machine.command("newuidmap", "#!/bin/bash\n")
    assert machine.run("base-tools.sh").returncode == 0


def test_a_base_image_from_elsewhere_needs_no_tools(machine: Machine) -> None:
    done = machine.run("base-tools.sh", more={"AIRLOCK_BASE_IMAGE": "python:3.12-slim"})
    assert (done.returncode, done.stderr, machine.installed) == (0, "", [])


def test_the_stacks_tools_are_installed_and_their_services_never_start(machine: Machine) -> None:
    machine.command(
        "apt-get",
        '#!/bin/bash\necho "$*" >>"$MACHINE/apt-get.calls"\ncp "$MACHINE/policy-rc.d" "$MACHINE/asked"\n',
    )
    machine.command("update-rc.d", '#!/bin/bash\necho "$*" >>"$MACHINE/services"\n')
    done = machine.run("stack-tools.sh")
    assert (done.returncode, done.stderr.count("\n")) == (0, 1)
    assert "undo: apt-get remove prometheus prometheus-alertmanager docker-compose" in done.stderr
    assert machine.read("asked").endswith("exit 101\n")
    assert not (machine.folder / "policy-rc.d").exists()
    assert machine.read("services").splitlines() == ["prometheus disable", "prometheus-alertmanager disable"]


def test_the_machines_own_policy_about_services_stays(machine: Machine) -> None:
    machine.write("policy-rc.d", "mine")
    assert machine.run("stack-tools.sh").returncode == 0
    assert machine.read("policy-rc.d") == "mine"


def test_stack_tools_that_are_there_are_left_as_they_are(machine: Machine) -> None:
    for name in ("prometheus", "promtool", "alertmanager", "amtool"):
        machine.command(name, "#!/bin/bash\n")
    assert machine.run("stack-tools.sh").returncode == 0
    assert machine.installed[0].split()[-1] == "docker-compose"
    machine.command("docker-compose", "#!/bin/bash\n")
    done = machine.run("stack-tools.sh")
    assert (done.returncode, done.stderr, len(machine.installed)) == (0, "", 1)


def test_elsewhere_one_line_says_which_stack_tools_are_missing(machine: Machine) -> None:
    machine.becomes(root=False)
    done = machine.run("stack-tools.sh")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "apt-get install prometheus prometheus-alertmanager docker-compose" in done.stderr


def test_an_apt_get_that_fails_twice_shows_why_and_ends_in_one_line(machine: Machine) -> None:
    machine.command(
        "apt-get", '#!/bin/bash\necho "$1" >>"$MACHINE/apt-get.calls"\necho "E: no space"\nexit 100\n'
    )
    done = machine.run("base-tools.sh")
    assert done.returncode == 1
    assert "E: no space" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("airlock: apt-get could not install mmdebstrap")
    # The lists may be old: they are fetched once before the second try.
    assert machine.installed == ["install", "update"]


def test_old_lists_are_fetched_before_a_second_try(machine: Machine) -> None:
    machine.command(
        "apt-get",
        '#!/bin/bash\necho "$1" >>"$MACHINE/apt-get.calls"\n'
        '[ "$1" = update ] && touch "$MACHINE/lists"\n[ -e "$MACHINE/lists" ]\n',
    )
    assert machine.run("base-tools.sh").returncode == 0
    assert machine.installed == ["install", "update", "install"]


@pytest.fixture
def without_environment(machine: Machine) -> Machine:
    (machine.folder / ".venv" / "bin" / "python").unlink()
    machine.write("requirements.lock", "")
    machine.write("pyproject.toml", "")
    return machine


def test_without_any_python_one_line_says_so(without_environment: Machine) -> None:
    without_environment.becomes(root=False)
    done = without_environment.run("venv.sh")
    assert done.returncode == 1
    assert done.stderr.startswith("airlock: no Python 3.11 or later was found: install one, or name it")
    assert done.stderr.count("\n") == 1


def test_a_python_that_is_too_old_is_none(without_environment: Machine) -> None:
    without_environment.becomes(root=False)
    without_environment.command("python3", PYTHON.format(new=1, venv=0))
    assert "no Python 3.11 or later was found" in without_environment.run("venv.sh").stderr


def test_a_missing_venv_module_is_named_by_its_package(without_environment: Machine) -> None:
    without_environment.becomes(root=False)
    without_environment.command("python3.12", PYTHON.format(new=0, venv=1))
    done = without_environment.run("venv.sh")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "apt-get install python3.12-venv" in done.stderr


def test_a_missing_venv_module_is_installed_where_it_may_be(without_environment: Machine) -> None:
    without_environment.command("python3.12", PYTHON.format(new=0, venv=1))
    done = without_environment.run("venv.sh")
    assert without_environment.installed[0].split()[-1] == "python3.12-venv"
    assert "undo: apt-get remove python3.12-venv" in done.stderr


def test_behind_a_shim_that_fails_the_next_python_is_found(without_environment: Machine) -> None:
    machine = without_environment
    machine.command("python3", "#!/bin/bash\nexit 127\n")
    machine.write("more/python3", PYTHON.format(new=0, venv=0)).chmod(0o755)
    path = f"{machine.environment['PATH']}:{machine.folder / 'more'}"
    machine.run("venv.sh", more={"PATH": path})
    assert machine.installed == []
    assert "-m venv .venv" in machine.read("python.calls")


@pytest.mark.parametrize("code", [0, 3])
def test_a_step_keeps_its_exit_code_and_tells_the_time_of_the_whole(machine: Machine, code: int) -> None:
    done = machine.run("step.sh", "make it", "bash", "-c", f"exit {code}", more={"STEP_STARTED": "0"})
    assert done.returncode == code
    assert done.stderr.startswith("airlock: make it ")
    assert done.stderr.endswith(" s with its preparation\n")


def test_make_alone_lists_every_public_target_in_one_line_each() -> None:
    done = subprocess.run(["make", "-C", str(ROOT)], capture_output=True, text=True, timeout=30, check=True)
    listed = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("  make ")]
    assert listed == (
        "help demo test test-stack observe unit coverage check up bench-rates bench real-size"
        " bench-telemetry repeat mutation format lock clean".split()
    )


def test_every_script_parses() -> None:
    scripts = [*ROOT.glob("infra/local/*.sh"), ROOT / ".ci" / "run"]
    assert len(scripts) > 5
    for script in scripts:
        subprocess.run(["bash", "-n", str(script)], check=True, timeout=10)
