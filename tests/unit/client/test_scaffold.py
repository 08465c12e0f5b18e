"""The first files of an agent, and what is refused."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from airlock_client.cli.application import app
from airlock_client.cli.edge import invoke
from airlock_client.exits import Exit
from airlock_client.scaffold.project import CannotScaffold, write_project
from airlock_contracts.manifest import Manifest
from airlock_contracts.statuses import Protocol
from airlock_orchestration.engine.manifests import check_manifest


@pytest.mark.parametrize("protocol", list(Protocol))
def test_a_new_agent_could_be_registered_and_passes_its_own_test(tmp_path: Path, protocol: Protocol) -> None:
    made = write_project("line-counter", tmp_path / "agent", protocol)
    manifest = Manifest.model_validate(yaml.safe_load((made.folder / "agent.yaml").read_text()))
    assert (manifest.name, manifest.protocol, check_manifest(manifest)) == ("line-counter", protocol, [])
    assert sorted(path.name for path in made.folder.iterdir()) == sorted(made.files)
    assert json.loads((made.folder / "input.json").read_text())
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "/dev/null", "test_main.py"],
        cwd=made.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "better"),
    [
        ("Line_Counter", "such as line-counter"),
        ("-x", "such as x"),
        ("a" * 64, "at most 63"),
        ("…", "not '…'"),
    ],
)
def test_a_name_that_no_agent_can_have_is_refused_with_one_that_would_do(
    tmp_path: Path, name: str, better: str
) -> None:
    with pytest.raises(CannotScaffold, match=better):
        write_project(name, tmp_path / "agent", Protocol.STDIO)
    assert not (tmp_path / "agent").exists()


def test_nothing_is_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "main.py").write_text("precious")
    assert invoke(app, ["agents", "new", "mine"]) == Exit.USAGE
    assert "mine has main.py already; nothing was written" in capfd.readouterr().err
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["main.py"]
    assert (tmp_path / "mine" / "main.py").read_text() == "precious"


def test_new_says_the_next_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert invoke(app, ["agents", "new", "mine", "--dir", "here"]) == Exit.OK
    said = capfd.readouterr().out
    assert "cd here" in said
    assert "airlock agents try . --input input.json --workspace ." in said
