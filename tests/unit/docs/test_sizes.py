"""The sizes on the page of deployment are those that the compose file grants."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
SERVICES = yaml.safe_load((ROOT / "infra" / "compose.yaml").read_text(encoding="utf-8"))["services"]
_MB = {"g": 1024, "m": 1}


def stays(profile: str) -> dict[str, tuple[float, int]]:
    """Processors and MB of what a profile starts and leaves running."""
    return {
        name: (float(one["cpus"]), int(one["mem_limit"][:-1]) * _MB[one["mem_limit"][-1]])
        for name, one in SERVICES.items()
        if profile in one["profiles"] and one.get("restart") != "no"
    }


def test_every_container_has_the_limits_that_the_page_says() -> None:
    table = PAGE.partition("\n| each | cpus | memory |\n")[2].partition("\n\n")[0]
    written = {
        name: (float(cpus), int(number) * {"GB": 1024, "MB": 1}[unit])
        for names, cpus, number, unit in re.findall(
            r"^\| (.+?) \| ([\d.]+) \| (\d+) (GB|MB) \|", table, re.MULTILINE
        )
        for name in re.findall("`(.+?)`", names)
    }
    assert written == stays("core") | stays("observability")


def test_the_sums_of_the_page_are_those_of_its_profiles() -> None:
    core, beside = (sum(mb for _, mb in stays(name).values()) / 1024 for name in ("core", "observability"))
    assert f"One of each is {core:g} GB with the profile `core`, and {beside:g} GB more" in PAGE
    assert f"{core:g} GB for Airlock, {beside:g} GB where it is looked at" in PAGE


def test_each_tier_of_the_page_has_its_sizes_and_the_ports_are_a_firewall_table() -> None:
    head = "\n| | one machine, embedded | one machine, Compose | several machines |\n"
    assert head in PAGE.partition("\n## Sizes\n")[2]
    ports = PAGE.partition("\n## Ports: the firewall table\n")[2]
    assert "\n| from | to | port | for |\n" in ports
