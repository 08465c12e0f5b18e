"""Building an agent of one's own: what is built, what is refused, and manifest against function."""

import json
from typing import Any

import pytest
import yaml

MAIN = "main.py"
MANIFEST = """\
name: odd
version: 0.1.0
type: SCRIPT
image: airlock-base
command: [sh, -c, cat]
actions: {go: {input_schema: {type: object}, output_schema: {type: object}}}
"""


def test_a_new_agent_is_built_and_its_manifest_agrees_with_its_function(author: Any) -> None:
    folder = author.new("counter")
    done = author.airlock("agents", "build", "counter")
    assert done.returncode == 0, done.stderr
    image = author.docker.images.get(author.images[0])
    assert image.id[:19] in done.stdout
    assert "agent.yaml and its functions agree" in done.stdout
    assert "next: airlock agents try counter" in done.stdout
    assert "Step 3/5 : COPY main.py" in done.stderr
    assert (folder / "agent.yaml").read_text().count("input_schema") == 1


def test_a_manifest_that_disagrees_with_its_function_is_told_and_can_be_written_anew(author: Any) -> None:
    folder = author.new("counter")
    main = (folder / MAIN).read_text()
    (folder / MAIN).write_text(main.replace("    suffix: Annotated", "    deep: bool\n    suffix: Annotated"))
    (told,) = author.ask("agents", "build", "counter", code=1)
    assert told["disagreements"] == ["actions.count.input_schema.deep: agent.yaml lacks it"]
    shown = author.airlock("agents", "build", "counter")
    assert "airlock agents build counter --write-schemas" in shown.stdout
    (mended,) = author.ask("agents", "build", "counter", "--write-schemas")
    assert mended["disagreements"] == []
    action = yaml.safe_load((folder / "agent.yaml").read_text())["actions"]["count"]
    assert action["input_schema"]["properties"]["deep"] == {"type": "boolean"}
    assert "# Read from the functions of main.py" in (folder / "agent.yaml").read_text()


def test_a_manifest_that_could_not_be_registered_replaces_none_that_can(author: Any) -> None:
    folder = author.new("counter")
    main = (folder / MAIN).read_text()
    odd = '    deep: Annotated[str, Bounds(pattern="(")]\n    suffix: Annotated'
    (folder / MAIN).write_text(main.replace("    suffix: Annotated", odd))
    before = sorted((path.name, path.read_bytes()) for path in folder.iterdir() if path.is_file())
    refused = author.airlock("agents", "build", "counter", "--write-schemas")
    assert refused.returncode == 1
    assert "agent.yaml cannot be registered" in refused.stderr
    assert sorted((path.name, path.read_bytes()) for path in folder.iterdir() if path.is_file()) == before


def test_the_functions_are_asked_in_a_sandbox_and_never_on_this_machine(author: Any) -> None:
    folder = author.new("counter")
    spy = (
        "import os, pathlib\n"
        "assert os.getuid() == 65532\n"
        "assert os.listdir('/tmp') == []\n"
        f"assert not pathlib.Path({str(folder)!r}).exists()\n"
    )
    (folder / MAIN).write_text(spy + (folder / MAIN).read_text())
    (told,) = author.ask("agents", "build", "counter")
    assert list(told["schemas"]) == ["count"]


def test_functions_that_cannot_be_asked_are_said_and_hold_up_nothing(author: Any) -> None:
    folder = author.new("counter")
    (folder / MAIN).write_text(
        (folder / MAIN).read_text().replace('if __name__ == "__main__":\n    agent', "agent")
    )
    (told,) = author.ask("agents", "build", "counter")
    assert told["schemas"] is None
    assert 'put agent.run() under if __name__ == "__main__"' in told["no_schemas"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("import numpy\n", "ModuleNotFoundError: No module named 'numpy'"),
        ("def broken(:\n", "SyntaxError: invalid syntax"),
    ],
)
def test_a_module_that_cannot_be_imported_is_not_built_and_says_why_in_three_lines(
    author: Any, line: str, said: str
) -> None:
    folder = author.new("counter")
    (folder / MAIN).write_text(line + (folder / MAIN).read_text())
    done = author.airlock("agents", "build", "counter")
    assert done.returncode == 1
    assert "built" not in done.stdout
    told = done.stderr.partition("airlock: ")[2].splitlines()
    assert told[0] == "main cannot be imported"
    assert 'main.py", line 1' in told[1]
    assert told[2].strip() == said
    assert told[3].startswith("  hint: mend it, or add what it imports to counter/Dockerfile")
    assert len(told) == 4


@pytest.mark.parametrize(
    ("dockerfile", "said"),
    [
        ("FROM airlock-base\nUSER 0\nRUN echo before && exit 7\n", "returned a non-zero code: 7"),
        ("FROM airlock-base\nVOLUME /data\n", "declares VOLUME /data"),
        ("FROM airlock-base\nCOPY nothing.py /opt/agent/\n", "nothing.py"),
    ],
)
def test_a_build_that_fails_says_why_with_the_end_of_its_log(author: Any, dockerfile: str, said: str) -> None:
    author.agent("broken", {"Dockerfile": dockerfile})
    done = author.airlock("agents", "build", "broken")
    assert done.returncode == 1
    assert said in done.stderr
    assert "mend broken/Dockerfile" in done.stderr
    assert "Traceback" not in done.stderr
    if "exit 7" in dockerfile:
        assert "before" in done.stderr


def test_a_manifest_that_could_not_be_registered_is_not_built(author: Any) -> None:
    author.agent(
        "broken", {}, actions={"go": {"input_schema": {"type": "objekt"}, "output_schema": {}}}, pids=3
    )
    done = author.airlock("agents", "build", "broken")
    assert done.returncode == 1
    assert "pids: unknown field 'pids'" in done.stderr
    folder = author.agent(
        "worse", {}, actions={"go": {"input_schema": {"type": "objekt"}, "output_schema": {}}}
    )
    done = author.airlock("agents", "build", str(folder))
    assert "actions.go.input_schema" in done.stderr
    assert "[schema.invalid]" in done.stderr
    assert author.docker.images.list(name=author.images[1]) == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('limits: {memory_mb: "64"}', "limits.memory_mb: Input should be a valid integer"),
        ("secrets: " + "[" * 3000, "nested deeper than 100 levels"),
    ],
)
def test_what_registration_refuses_is_neither_built_nor_tried(author: Any, line: str, said: str) -> None:
    folder = author.home / "odd"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM airlock-base\n")
    (folder / "agent.yaml").write_text(MANIFEST + line + "\n")
    for verb in ("build", "try"):
        done = author.airlock("agents", verb, "odd")
        assert done.returncode == 1
        assert "odd/agent.yaml cannot be registered" in done.stderr
        assert said in done.stderr
        assert "Traceback" not in done.stderr


def test_a_word_that_looks_like_a_date_is_a_word_as_in_registration(author: Any) -> None:
    folder = author.home / "odd"
    folder.mkdir()
    (folder / "agent.yaml").write_text(MANIFEST + "description: 2024-13-45\n")
    told = author.ask("agents", "try", "odd", "--input", '{"n": 1}')
    assert told["output"] == {"n": 1}


def test_several_folders_are_built_one_after_the_other(author: Any) -> None:
    author.agent("one", {})
    author.agent("two", {})
    built = author.ask("agents", "build", "one", "two")
    assert [one["agent"] for one in built] == ["one@0.1.0", "two@0.1.0"]
    assert json.dumps(built).count("sha256:") == 2
