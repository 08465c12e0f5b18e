"""Lock files and manifests are read with their lines, and versions ordered as their ecosystems do."""

# ruff: noqa: E501 - an example is read on one line
from __future__ import annotations

import json

import pytest
from airlock_agents.builtin.security_scanner.dependencies.readers import read_dependencies, reader_of
from airlock_agents.builtin.security_scanner.dependencies.versions import UnknownVersion, key

INTEGRITY = "sha512-aaaa=="

_POM = """<project><properties><log4j.version>2.14.1</log4j.version></properties>
<!-- <dependency></dependency> -->
<dependency>
<groupId>org.apache.logging.log4j</groupId><artifactId>log4j-core</artifactId>
<version>${log4j.version}</version></dependency></project>
"""

_POM_OF_PLUGINS = """<project>
<dependency>
  <groupId>org.springframework</groupId>
  <artifactId>spring-core</artifactId>
  <version>4.3.9</version>
  <exclusions>
    <exclusion>
      <groupId>commons-logging</groupId>
      <artifactId>commons-logging</artifactId>
    </exclusion>
  </exclusions>
</dependency>
<build>
<plugins>
<plugin>
  <groupId>org.apache.maven.plugins</groupId>
  <artifactId>maven-checkstyle-plugin</artifactId>
  <version>3.1.0</version>
  <configuration><version>9.9</version></configuration>
  <dependencies>
    <dependency>
      <groupId>com.puppycrawl.tools</groupId>
      <artifactId>checkstyle</artifactId>
      <version>8.18</version>
    </dependency>
  </dependencies>
</plugin>
<plugin>
  <artifactId>maven-enforcer-plugin</artifactId>
  <executions><execution><requireMavenVersion><version>3.9</version></requireMavenVersion></execution></executions>
  <version>3.0.0</version>
</plugin>
</plugins>
</build>
</project>
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
    (
        "pom.xml",
        _POM_OF_PLUGINS,
        [
            ("Maven", "org.springframework:spring-core", "4.3.9", 2),
            ("Maven", "org.apache.maven.plugins:maven-checkstyle-plugin", "3.1.0", 15),
            ("Maven", "com.puppycrawl.tools:checkstyle", "8.18", 21),
            ("Maven", "org.apache.maven.plugins:maven-enforcer-plugin", "3.0.0", 28),
        ],
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


def test_blank_lines_cost_a_go_module_no_time() -> None:
    found, _ = read_dependencies("go.mod", "\n" * 300_000 + "require a.b/c v1.0.0\n")
    assert [one.line for one in found] == [300_001]
