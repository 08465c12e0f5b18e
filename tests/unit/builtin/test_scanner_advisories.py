"""What is pinned is compared with advisories in any form and order, as its ecosystem counts versions."""

# ruff: noqa: E501 - an example is read on one line

from __future__ import annotations

import io
import itertools
import json
import tarfile
import zipfile
from pathlib import Path

import pytest
from airlock_agents.builtin.security_scanner.dependencies.advisories import (
    BUILT_IN,
    UnreadableAdvisories,
    load,
)
from airlock_agents.builtin.security_scanner.dependencies.dependency import Dependency
from airlock_agents.builtin.security_scanner.dependencies.matching import believed, match_all
from airlock_agents.builtin.security_scanner.dependencies.severity import base_score, rated
from airlock_agents.builtin.security_scanner.dependencies.versions import key
from airlock_agents.builtin.security_scanner.scanned import typed


def advisory(**more: object) -> dict[str, object]:
    return {
        "id": "GHSA-aaaa",
        "modified": "2026-01-02T00:00:00Z",
        "summary": "Tea is spilled",
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": "Tea_Pot"},
                "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "1.0"}, {"fixed": "1.4"}, {"introduced": "2.0"}, {"last_affected": "2.1"}]}],
                "versions": ["0.9.dirty"],
            }
        ],
        **more,
    }  # fmt: skip


def found(tmp_path: Path, version: str, *documents: dict[str, object]) -> list[str]:
    path = tmp_path / "advisories"
    path.write_text(json.dumps(documents))
    placed = [("requirements.txt", Dependency("PyPI", "tea-pot", version, 3))]
    return [one.rule for one in match_all(placed, path).findings]


@pytest.mark.parametrize(
    ("version", "affected"),
    [("0.9", False), ("0.9.dirty", True), ("1.0", True), ("1.3.9", True), ("1.4", False), ("2.1", True), ("2.2", False), ("odd", False)],
)  # fmt: skip
def test_a_version_is_affected_within_its_ranges(tmp_path: Path, version: str, affected: bool) -> None:
    assert bool(found(tmp_path, version, advisory())) is affected


def test_the_order_in_which_an_advisory_names_events_changes_nothing(tmp_path: Path) -> None:
    events = [{"introduced": "0"}, {"fixed": "1.9"}, {"introduced": "1.10"}, {"last_affected": "1.10"}]
    for written in itertools.permutations(events):
        package = {"ecosystem": "PyPI", "name": "tea-pot"}
        ranges = [{"type": "ECOSYSTEM", "events": list(written)}]
        document = advisory(affected=[{"package": package, "ranges": ranges}])
        affected = [
            version for version in ("0.1", "1.9", "1.10", "1.11") if found(tmp_path, version, document)
        ]
        assert affected == ["0.1", "1.10"], written


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([{"introduced": "0"}, {"fixed": "2.0"}, {"introduced": "2.0"}, {"fixed": "3.0"}], ["1.0", "2.0", "2.9"]),
        ([{"introduced": "0"}, {"last_affected": "2.0"}, {"introduced": "2.0"}], ["1.0", "2.0"]),
        ([{"introduced": "2.0"}, {"fixed": "2.0"}], []),
        ([{"introduced": "0"}, {"introduced": "2.0"}, {"fixed": "3.0"}], ["1.0", "2.0", "2.9"]),
    ],
)  # fmt: skip
def test_ranges_that_meet_at_one_version_end_all_the_same(
    tmp_path: Path, events: list[dict[str, str]], expected: list[str]
) -> None:
    for written in itertools.permutations(events):
        package = {"ecosystem": "PyPI", "name": "tea-pot"}
        ranges = [{"type": "ECOSYSTEM", "events": list(written)}]
        document = advisory(affected=[{"package": package, "ranges": ranges}])
        affected = [version for version in ("1.0", "2.0", "2.9", "3.0") if found(tmp_path, version, document)]
        assert affected == expected, written


def test_the_first_version_without_the_flaw_is_the_lowest_not_the_first_by_its_letters(
    tmp_path: Path,
) -> None:
    package = {"ecosystem": "PyPI", "name": "tea-pot"}
    ranges = [
        {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": fixed}]}
        for fixed in ("10.0.1", "9.1")
    ]
    path = tmp_path / "advisories"
    path.write_text(json.dumps([advisory(affected=[{"package": package, "ranges": ranges}])]))
    placed = [("requirements.txt", Dependency("PyPI", "tea-pot", "9.0", 3))]
    (one,) = match_all(placed, path).findings
    assert one.more["fixed_in"] == "9.1"


def test_a_program_reads_what_is_flawed_and_what_mends_it_without_reading_prose(tmp_path: Path) -> None:
    told = []
    path = tmp_path / "advisories"
    path.write_text(json.dumps([advisory(summary="Tea is spilled. " * 50)]))
    for name, version in (("tea-pot", "1.2"), ("tea-pot", "2.0")):
        placed = [("requirements.txt", Dependency("PyPI", name, version, 3))]
        told += [one.shown() for one in typed(match_all(placed, path).findings)]
    assert [(one["type"], one["package"], one.get("fixed_in")) for one in told] == [
        ("dependencies", "tea-pot", "1.4"),
        ("dependencies", "tea-pot", None),
    ]
    assert not told[0]["message"].endswith("1.4.")  # a long summary leaves no room for it


def test_advisories_of_one_flaw_make_one_finding_named_by_its_cve(tmp_path: Path) -> None:
    second = advisory(id="PYSEC-1", aliases=["CVE-2026-1"])
    first = advisory(aliases=["CVE-2026-1"])
    assert found(tmp_path, "1.2", first, second) == ["CVE-2026-1"]


def test_a_withdrawn_advisory_says_nothing(tmp_path: Path) -> None:
    assert (
        found(tmp_path, "1.2", advisory(withdrawn="2026-01-03T00:00:00Z"), advisory(id="X", affected=[]))
        == []
    )


@pytest.mark.parametrize("form", ["array", "lines", "single", "zip", "tar", "folder"])
def test_advisories_come_in_any_form_that_they_are_published_in(tmp_path: Path, form: str) -> None:
    path, document = tmp_path / "given", json.dumps(advisory()).encode()
    if form == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("GHSA-aaaa.json", document)
    elif form == "tar":
        with tarfile.open(path, "w:gz") as archive:
            info = tarfile.TarInfo("osv/GHSA-aaaa.json")
            info.size = len(document)
            archive.addfile(info, io.BytesIO(document))
    elif form == "folder":
        (path / "deep").mkdir(parents=True)
        (path / "deep" / "a.json").write_bytes(document)
    else:
        forms = {"array": b"[" + document + b"]", "lines": document + b"\n" + document + b"\n"}
        path.write_bytes(forms.get(form, document))
    read = load(path, {("PyPI", "tea-pot")})
    assert [one.id for one in read.by_package["PyPI", "tea-pot"]][:1] == ["GHSA-aaaa"]
    assert read.newest == "2026-01-02T00:00:00Z"


@pytest.mark.parametrize("content", [b"", b"hello", b"[1, 2]", b"{}", b"[" * 100_000, b"PK\x03\x04broken"])
def test_what_is_no_advisory_is_refused_with_words(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "given").write_bytes(content)
    with pytest.raises(UnreadableAdvisories, match=r"advisor|JSON"):
        load(tmp_path / "given", set())


def test_a_lock_file_is_believed_before_the_manifest_beside_it() -> None:
    asked = Dependency("npm", "lodash", "4.17.11", 1, locked=False)
    locked = Dependency("npm", "lodash", "4.17.21", 1)
    placed = [("shop/package.json", asked), ("shop/yarn.lock", locked), ("other/package.json", asked)]
    assert list(believed(placed)) == placed[1:]


def test_the_built_in_advisories_are_well_formed_and_each_matches_something() -> None:
    documents = json.loads(BUILT_IN.read_text())
    assert len({one["id"] for one in documents}) == len(documents)
    for one in documents:
        (affected,) = one["affected"]
        ecosystem, name = affected["package"]["ecosystem"], affected["package"]["name"]
        for events in (found["events"] for found in affected.get("ranges", ())):
            named = [version for event in events for version in event.values() if version != "0"]
            bounds = [key(ecosystem, version) for version in named]
            assert bounds == sorted(bounds), one["id"]
        versions = [affected["versions"][0]] if "versions" in affected else [
            event["introduced"] if event["introduced"] != "0" else ("0.0.0-0" if ecosystem == "Go" else "0.0.1")
            for event in affected["ranges"][0]["events"]
            if "introduced" in event
        ]  # fmt: skip
        for version in versions:
            placed = [("x", Dependency(ecosystem, name, version, 1))]
            assert one["id"] in {f.rule for f in match_all(placed, None).findings}, (one["id"], version)


@pytest.mark.parametrize(
    ("vector", "score"),
    [
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 10.0),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 6.1),
        ("CVSS:3.0/AV:L/AC:H/PR:L/UI:N/S:U/C:H/I:N/A:N", 4.7),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", 0.0),
        ("CVSS:4.0/AV:N/AC:L", None),
        ("nonsense", None),
    ],
)
def test_a_cvss_vector_has_the_score_of_the_specification(vector: str, score: float | None) -> None:
    assert base_score(vector) == score


def test_scores_have_the_words_of_the_specification() -> None:
    assert [rated(one) for one in (9.0, 8.9, 7.0, 6.9, 4.0, 3.9)] == [
        "CRITICAL",
        "HIGH",
        "HIGH",
        "MEDIUM",
        "MEDIUM",
        "LOW",
    ]
