"""What promtool and amtool say: alerts fire and clear as their stories tell, and routes lead somewhere."""

import subprocess
from pathlib import Path

import pytest
from watching_servers import OBSERVABILITY, program

PROMETHEUS = OBSERVABILITY / "prometheus"
STORIES = sorted((PROMETHEUS / "tests").glob("*.test.yml"))


def run(command: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program(command), *map(str, arguments)], capture_output=True, text=True, timeout=110, check=False
    )


def test_promtool_accepts_the_configuration_with_every_rule() -> None:
    done = run("promtool", "check", "config", PROMETHEUS / "prometheus.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("rules found") == len(list((PROMETHEUS / "rules").glob("*.yml")))


@pytest.mark.parametrize("story", STORIES, ids=lambda path: path.stem)
def test_the_alerts_of_a_file_fire_and_clear_as_their_stories_say(story: Path) -> None:
    done = run("promtool", "test", "rules", story)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_story_that_does_not_come_true_is_found(tmp_path: Path) -> None:
    text = (PROMETHEUS / "tests" / "work.test.yml").read_text(encoding="utf-8")
    told = tmp_path / "work.test.yml"
    assert "1x5 2x60" in text  # the host that goes
    told.write_text(text.replace("../rules", str(PROMETHEUS / "rules")).replace("1x5 2x60", "1x5 1x60"))
    done = run("promtool", "test", "rules", told)
    assert done.returncode != 0
    assert "AirlockHostGone" in done.stdout + done.stderr


def test_amtool_accepts_the_routes_and_what_wakes_somebody_goes_outside_too() -> None:
    file = OBSERVABILITY / "alertmanager" / "alertmanager.yml"
    done = run("amtool", "check-config", file)
    assert done.returncode == 0, done.stdout + done.stderr
    told = {
        severity: run(
            "amtool", "config", "routes", "test", f"--config.file={file}", f"severity={severity}"
        ).stdout.split()
        for severity in ("P0", "P1", "P2", "P3")
    }
    outside = ["outside,airlock"]
    assert told == {"P0": outside, "P1": outside, "P2": ["airlock"], "P3": ["airlock"]}
