"""Lock files are read, versions compared as their ecosystems do, and advisories matched: given ones, too."""

# ruff: noqa: E501 - an example is read on one line
from __future__ import annotations

import io
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
from airlock_agents.builtin.security_scanner.dependencies.readers import read_dependencies, reader_of
from airlock_agents.builtin.security_scanner.dependencies.severity import base_score, rated
from airlock_agents.builtin.security_scanner.dependencies.versions import UnknownVersion, key
from airlock_agents.builtin.security_scanner.scanned import typed

INTEGRITY = "sha512-aaaa=="

_POM = """<project><properties><log4j.version>2.14.1</log4j.version></properties>
<!-- <dependency></dependency> -->
<dependency>
<groupId>org.apache.logging.log4j</groupId><artifactId>log4j-core</artifactId>
<version>${log4j.version}</version></dependency></project>
"""

FILES: list[tuple[str, str, list[tuple[str, str, str, int]]]] = [
    (
        "requirements-dev.txt",
        "# pinned\nFlask[async]==2.2.1 ; python_version > '3.8' --hash=sha256:00\nrequests>=2\n  Ruamel_YAML == 0.18.0\ntea==1.*\n",
        [("PyPI", "flask", "2.2.1", 2), ("PyPI", "ruamel-yaml", "0.18.0", 4)],
    ),
    (
        "poetry.lock",
        '[[package]]\nname = "jinja2"\nversion = "2.10"\ndescription = ""\n\n[package.dependencies]\nversion = "9"\n',
        [("PyPI", "jinja2", "2.10", 2)],
    ),
    ("Pipfile.lock", '{"default": {\n "flask": {"version": "==2.2.1"}\n}, "develop": {}}', [("PyPI", "flask", "2.2.1", 2)]),
    (
        "pyproject.toml",
        '[project]\ndependencies = [\n  "flask==2.2.1",\n  "requests>=2",\n]\n',
        [("PyPI", "flask", "2.2.1", 3)],
    ),
    (
        "package-lock.json",
        json.dumps(
            {
                "lockfileVersion": 3,
                "packages": {
                    "": {"name": "shop", "version": "1.0.0"},
                    "node_modules/lodash": {"version": "4.17.11", "integrity": INTEGRITY},
                    "node_modules/a/node_modules/@b/c": {"version": "1.0.0"},
                    "node_modules/linked": {"link": True, "resolved": "packages/linked"},
                },
            },
            indent=1,
        ),
        [("npm", "lodash", "4.17.11", 8), ("npm", "@b/c", "1.0.0", 12)],
    ),
    (
        "package-lock.json",
        '{"lockfileVersion": 1, "dependencies": {\n"a": {"version": "1.0.0", "dependencies": {\n"lodash": {"version": "4.17.11"}}}}}',
        [("npm", "a", "1.0.0", 2), ("npm", "lodash", "4.17.11", 3)],
    ),
    (
        "yarn.lock",
        '# yarn lockfile v1\n\n"@b/c@^1.0.0", "@b/c@^1.1.0":\n  version "1.2.0"\n  dependencies:\n    lodash "^4"\n\nlodash@^4:\n  version "4.17.11"\n',
        [("npm", "@b/c", "1.2.0", 3), ("npm", "lodash", "4.17.11", 8)],
    ),
    (
        "yarn.lock",
        '__metadata:\n  version: 6\n\n"lodash@npm:^4.17.0":\n  version: 4.17.11\n  resolution: "lodash@npm:4.17.11"\n',
        [("npm", "lodash", "4.17.11", 4)],
    ),
    (
        "pnpm-lock.yaml",
        "lockfileVersion: '9.0'\n\npackages:\n\n  '@b/c@1.2.0':\n    resolution: {}\n  lodash@4.17.11(x@1.0.0):\n    resolution: {}\n  /minimist/1.2.5:\n    dev: true\n",
        [("npm", "@b/c", "1.2.0", 5), ("npm", "lodash", "4.17.11", 7), ("npm", "minimist", "1.2.5", 9)],
    ),
    ("package.json", '{"dependencies": {\n  "lodash": "4.17.11",\n  "axios": "^0.21.0"\n}}', [("npm", "lodash", "4.17.11", 2)]),
    (
        "go.mod",
        "module shop\n\nrequire golang.org/x/text v0.3.7\nrequire (\n\tgolang.org/x/net v0.16.0 // indirect\n\ta.b/c v1.0.0\n)\nreplace a.b/c => ../c\n",
        [("Go", "golang.org/x/text", "v0.3.7", 3), ("Go", "golang.org/x/net", "v0.16.0", 5)],
    ),
    ("go.sum", "a.b/c v1.0.0 h1:x=\na.b/c v1.0.0/go.mod h1:x=\n", [("Go", "a.b/c", "v1.0.0", 1)]),
    (
        "Gemfile.lock",
        "GEM\n  specs:\n    actionview (5.2.2)\n      rack (~> 2.0)\n    nokogiri (1.10.3-x86_64-linux)\n",
        [("RubyGems", "actionview", "5.2.2", 3), ("RubyGems", "nokogiri", "1.10.3", 5)],
    ),
    (
        "composer.lock",
        '{"packages": [\n {\n  "name": "Twig/Twig",\n  "version": "v3.4.2"\n }], "packages-dev": []}',
        [("Packagist", "twig/twig", "v3.4.2", 3)],
    ),
    ("Cargo.lock", 'version = 3\n\n[[package]]\nname = "regex"\nversion = "1.5.4"\n', [("crates.io", "regex", "1.5.4", 4)]),
    (
        "pom.xml",
        _POM,
        [("Maven", "org.apache.logging.log4j:log4j-core", "2.14.1", 3)],
    ),
    ("build.gradle", "implementation 'org.yaml:snakeyaml:1.33'\n", [("Maven", "org.yaml:snakeyaml", "1.33", 1)]),
    ("gradle.lockfile", "org.yaml:snakeyaml:1.33=runtimeClasspath\n", [("Maven", "org.yaml:snakeyaml", "1.33", 1)]),
    (
        "packages.lock.json",
        '{"dependencies": {"net8.0": {\n"Newtonsoft.Json": {"resolved": "12.0.1"}}}}',
        [("NuGet", "newtonsoft.json", "12.0.1", 2)],
    ),
    ("shop.csproj", '<PackageReference Include="A.B" Version="1.0.0" />\n', [("NuGet", "a.b", "1.0.0", 1)]),
]  # fmt: skip


@pytest.mark.parametrize(("path", "text", "expected"), FILES)
def test_what_a_file_pins_is_read_with_its_line(
    path: str, text: str, expected: list[tuple[str, str, str, int]]
) -> None:
    found, insecure = read_dependencies(f"shop/{path}", text)
    assert [(one.ecosystem, one.name, one.version, one.line) for one in found] == expected
    assert insecure == []


@pytest.mark.parametrize(
    ("path", "text", "line"),
    [
        ("requirements.txt", "# \x0c\x1c one line\ntea==1.0\n", 2),
        ("yarn.lock", '# \u2028\x85 one line\nlodash@^4:\n  version "4.17.20"\n', 2),
        ("poetry.lock", '# \x0b one line\n[[package]]\nname = "tea"\nversion = "1.0"\n', 3),
        ("go.sum", "\x1d\ngithub.com/tea/pot v1.2.3 h1:x=\n", 2),
    ],
)
def test_lines_are_numbered_as_editors_do(path: str, text: str, line: int) -> None:
    ((one,), _) = read_dependencies(path, text)
    assert one.line == line


def test_a_source_without_tls_stands_on_its_line() -> None:
    text = "# \x0c\x1c one line\n--index-url http://example.com/simple\n"
    assert read_dependencies("requirements.txt", text) == ([], [2])


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("requirements.txt", "--index-url http://pypi.example.com/simple\n"),
        ("requirements.txt", "tea @ http://example.com/tea.tar.gz\n"),
        ("requirements.txt", "git+http://example.com/tea.git\n"),
        ("package-lock.json", '{"packages": {},\n"resolved": "http://example.com/a.tgz"}'),
        ("Gemfile.lock", "GEM\n  remote: http://example.com/\n"),
        ("pom.xml", "<repository>\n<url>http://example.com/maven</url></repository>"),
    ],
)
def test_a_source_without_tls_is_named(path: str, text: str) -> None:
    found, insecure = read_dependencies(path, text)
    assert (found, len(insecure)) == ([], 1)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("requirements.txt", "--index-url http://localhost:3141/simple\n# tea @ http://example.com\n"),
        ("package.json", '{"homepage": "http://example.com", "repository": {"url": "http://example.com"}}'),
        ("pom.xml", '<project xmlns="http://maven.apache.org/POM/4.0.0"><url>http://example.com</url></project>'),
    ],
)  # fmt: skip
def test_a_page_for_people_is_no_source(path: str, text: str) -> None:
    assert read_dependencies(path, text)[1] == []


def test_files_are_known_by_their_whole_names() -> None:
    assert reader_of("a/b/requirements_prod.txt") is not None
    assert [reader_of(one) for one in ("notes.txt", "xpackage.json", "go.mod.bak", "lock")] == [None] * 4


@pytest.mark.parametrize("path", sorted({path for path, _, _ in FILES}))
@pytest.mark.parametrize(
    "text",
    [
        "",
        "\0",
        "{",
        "[" * 100_000,
        '{"packages": {"a": 1}, "dependencies": []}',
        "<" * 50_000,
        "[[package]]\n" * 9_000,
    ],
)
def test_a_hostile_file_is_refused_or_empty(path: str, text: str) -> None:
    try:
        found, _ = read_dependencies(path, text)
    except (ValueError, RecursionError):
        return
    assert found == []


@pytest.mark.parametrize(
    ("ecosystem", "ascending"),
    [
        ("PyPI", ["1.0a1", "1.0rc1", "1.0", "1.0.post1", "1.0.1", "1.10", "1!0.1"]),
        ("npm", ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-rc.1", "1.0.0", "1.2.0", "1.10.0"]),
        ("Go", ["v0.0.0-20191109021931-daa7c04131f5", "v0.0.0-20201216223049-8b5274cf687f", "v0.1.0", "v2.0.0+incompatible"]),
        ("crates.io", ["0.6.2", "0.6.14", "1.0.0-beta.2", "1.0.0"]),
        ("RubyGems", ["4.2.11.rc1", "4.2.11", "4.2.11.1", "5.0.0.beta1", "5.0"]),
        ("Maven", ["2.0-alpha1", "2.0-beta9", "2.0-rc1", "2.0-SNAPSHOT", "2.0", "2.0-sp1", "2.0.1", "2.12.2", "2.12.10"]),
        ("Packagist", ["v3.4.2", "3.4.3", "v10.0.0"]),
        ("NuGet", ["1.0.0.1", "1.0.0.2", "1.0.1-beta", "1.0.1"]),
    ],
)  # fmt: skip
def test_versions_are_ordered_as_their_ecosystem_does(ecosystem: str, ascending: list[str]) -> None:
    assert sorted(sorted(ascending), key=lambda one: key(ecosystem, one)) == ascending
    assert len({key(ecosystem, one) for one in ascending}) == len(ascending)


@pytest.mark.parametrize(
    ("ecosystem", "one", "other"),
    [
        ("PyPI", "1.0", "1.0.0"),
        ("npm", "v1.2.3", "1.2.3+build5"),
        ("Maven", "5.2.20", "5.2.20.RELEASE"),
        ("Maven", "1.0.0", "1"),
        ("RubyGems", "5.0", "5.0.0"),
    ],
)
def test_versions_that_are_the_same_are_equal(ecosystem: str, one: str, other: str) -> None:
    assert key(ecosystem, one) == key(ecosystem, other)


@pytest.mark.parametrize(
    ("ecosystem", "version"), [("PyPI", "dev"), ("npm", "latest"), ("Maven", "[1,2)"), ("RubyGems", "x")]
)
def test_what_is_no_version_is_said_to_be_none(ecosystem: str, version: str) -> None:
    with pytest.raises(UnknownVersion):
        key(ecosystem, version)


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
