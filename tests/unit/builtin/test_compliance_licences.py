"""Licences: recognised by their texts, understood as people write them, judged by their best alternative."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from airlock_agents.builtin.compliance_checker.facts import (
    Dependency,
    LicenceText,
    Manifest,
    SourceHeader,
    TextFile,
)
from airlock_agents.builtin.compliance_checker.licences.dependencies import (
    declares_dependencies,
    read_dependencies,
)
from airlock_agents.builtin.compliance_checker.licences.families import (
    DENIED_IN_PROPRIETARY,
    acceptable,
    allowed,
    family,
    kindest,
)
from airlock_agents.builtin.compliance_checker.licences.judgement import Licences, judge
from airlock_agents.builtin.compliance_checker.licences.manifests import read_manifest
from airlock_agents.builtin.compliance_checker.licences.names import alternatives, spdx, understood
from airlock_agents.builtin.compliance_checker.licences.table import table
from airlock_agents.builtin.compliance_checker.licences.texts import is_licence_text, recognise
from airlock_agents.builtin.compliance_checker.policy import Policy, Setting

ROOT = Path(__file__).parents[3]
MIT = (
    "Permission is hereby granted, free of charge, to any person obtaining a copy\nof this software and ..."
    " The above copyright notice and this\npermission notice shall be included in all copies or substantial"
    " portions of the Software."
)
BSD = (
    "Redistribution and use in source and binary forms, with or without\nmodification, are permitted provided"
)
ISC = "use of this software for any purpose with or without fee is hereby granted, "


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        (MIT, ("MIT",)),
        (MIT.partition("The above")[0], ("MIT-0",)),
        (BSD, ("BSD-2-Clause",)),
        (BSD + " Neither the name may be used to endorse or promote products", ("BSD-3-Clause",)),
        (
            ISC + "provided that the above copyright notice and this permission notice appear in all copies.",
            ("ISC",),
        ),
        ("Permission to " + ISC + "THE SOFTWARE", ("0BSD",)),
        ("GNU GENERAL PUBLIC LICENSE\n Version 3, 29 June 2007", ("GPL-3.0",)),
        ("GNU AFFERO GENERAL PUBLIC LICENSE\n Version 3, 19 November 2007", ("AGPL-3.0",)),
        ("Eclipse Public License - v 2.0", ("EPL-2.0",)),
        ("All rights reserved. Confidential.", ("LicenseRef-Proprietary",)),
        (MIT + "\n" + BSD, ("BSD-2-Clause", "MIT")),
        ("be nice", ()),
        ("", ()),
    ],
)
def test_a_text_is_recognised_by_its_phrases(text: str, ids: tuple[str, ...]) -> None:
    assert recognise(text) == ids


def test_our_own_licence_is_recognised() -> None:
    assert recognise((ROOT / "LICENSE").read_text()) == ("Apache-2.0",)


@pytest.mark.parametrize(
    "name", ["LICENSE", "LICENCE.md", "COPYING.LESSER", "MIT-LICENSE", "LICENSES/MIT.txt"]
)
def test_licence_texts_are_known_by_their_names(name: str) -> None:
    assert is_licence_text(name)
    assert not is_licence_text("license.py")


@pytest.mark.parametrize(
    ("declared", "meant"),
    [
        ("MIT", "MIT"),
        ("(MIT OR Apache-2.0)", "MIT OR Apache-2.0"),
        ("MIT/Apache-2.0", "MIT OR Apache-2.0"),
        ("mit", "MIT"),
        ("GPL-2.0+", "GPL-2.0-or-later"),
        ("Apache License, Version 2.0", "Apache-2.0"),
        ("License :: OSI Approved :: MIT License", "MIT"),
        ("License :: OSI Approved :: GNU General Public License v3 (GPLv3)", "GPL-3.0-only"),
        ("GPL-2.0-only WITH Classpath-exception-2.0", "GPL-2.0-only WITH Classpath-exception-2.0"),
        ("Apache-2.0 AND LicenseRef-own", "Apache-2.0 AND LicenseRef-own"),
        ("UNLICENSED", "LicenseRef-Proprietary"),
        ("GNU General Public License, version 2", "GPL-2.0-only"),
        ("GNU Lesser General Public License, Version 2.1", "LGPL-2.1-only"),
        ("GPLv2 or any later version", "GPL-2.0-or-later"),
        ("GNU GPL v3+", "GPL-3.0-or-later"),
        ("LGPL", "LGPL-2.0-or-later"),
        ("GPL (>= 2)", None),
        ("GPL 2.1", None),
        ("GPL or LGPL", None),
        ("GPLv2 with exceptions", None),
        ("BSD", None),
        ("MIT OR", None),
        ("Custom-1.0", None),
        ("MIT AND MTI", None),
        ("(" * 100 + "MIT" + ")" * 100, None),
        ("MIT OR " * 200 + "MIT", None),
    ],
)
def test_a_declaration_means_an_expression_or_nothing(declared: str, meant: str | None) -> None:
    assert understood(declared) == meant


@pytest.mark.parametrize(
    ("classifier", "meant"),
    [
        ("GNU General Public License (GPL)", "GPL-1.0-or-later"),
        ("GNU General Public License v2 (GPLv2)", "GPL-2.0-only"),
        ("GNU General Public License v2 or later (GPLv2+)", "GPL-2.0-or-later"),
        ("GNU General Public License v3 (GPLv3)", "GPL-3.0-only"),
        ("GNU General Public License v3 or later (GPLv3+)", "GPL-3.0-or-later"),
        ("GNU Lesser General Public License v2 (LGPLv2)", "LGPL-2.0-only"),
        ("GNU Lesser General Public License v2 or later (LGPLv2+)", "LGPL-2.0-or-later"),
        ("GNU Lesser General Public License v3 (LGPLv3)", "LGPL-3.0-only"),
        ("GNU Lesser General Public License v3 or later (LGPLv3+)", "LGPL-3.0-or-later"),
        ("GNU Library or Lesser General Public License (LGPL)", "LGPL-2.0-or-later"),
        ("GNU Affero General Public License v3", "AGPL-3.0-only"),
        ("GNU Affero General Public License v3 or later (AGPLv3+)", "AGPL-3.0-or-later"),
        ("GNU General Public License v2 (GPLv3)", None),
        ("European Union Public Licence 1.2 (EUPL 1.2)", "EUPL-1.2"),
        ("Mozilla Public License 1.1 (MPL 1.1)", "MPL-1.1"),
        ("Open Software License 3.0 (OSL-3.0)", "OSL-3.0"),
        ("MIT No Attribution License (MIT-0)", "MIT-0"),
        ("Zero-Clause BSD (0BSD)", "0BSD"),
        ("Artistic License", None),
        ("Academic Free License (AFL)", None),
    ],
)
def test_a_classifier_of_the_index_means_its_licence(classifier: str, meant: str | None) -> None:
    assert understood(f"License :: OSI Approved :: {classifier}") == meant


def test_an_expression_is_its_alternatives() -> None:
    assert alternatives("MIT OR (ISC AND Zlib)") == [{"MIT"}, {"ISC", "Zlib"}]
    assert alternatives("(MIT OR ISC) AND Zlib") == [{"MIT", "Zlib"}, {"ISC", "Zlib"}]
    wide = " AND ".join(f"({a} OR {b})" for a, b in [("MIT", "ISC")] * 1 + [("Zlib", "0BSD")] * 1)
    assert len(alternatives(wide)) == 4


@pytest.mark.parametrize(
    ("expression", "kind", "fine"),
    [
        ("MIT", "permissive", True),
        ("LGPL-3.0-only", "weak", True),
        ("GPL-3.0-or-later", "strong", False),
        ("GPL-2.0-only WITH Classpath-exception-2.0", "weak", True),
        ("MIT OR GPL-3.0-only", "permissive", True),
        ("MIT AND GPL-3.0-only", "strong", False),
        ("CECILL-2.1", "strong", True),
        ("SSPL-1.0", "restricted", False),
        ("LicenseRef-x", "unknown", True),
    ],
)
def test_an_expression_is_judged_by_its_best_alternative(expression: str, kind: str, fine: bool) -> None:
    assert kindest(expression) == kind
    assert acceptable(expression, DENIED_IN_PROPRIETARY) is fine


def test_lists_name_licences_whole_by_version_or_by_star() -> None:
    assert allowed("BSD-3-Clause", ["BSD-*"])
    assert allowed("GPL-3.0-or-later", ["GPL-3.0"])
    assert not allowed("GPL-3.0-or-later", ["GPL-3.0-only"])
    assert not allowed("MIT AND ISC", ["MIT"])
    assert family("CC-BY-NC-4.0") == "restricted"
    assert spdx("Apache 2.0") is None


def manifest(name: str, text: str) -> Manifest:
    (one,) = read_manifest(TextFile(name, tuple(text.splitlines())))
    return one


def test_manifests_declare_licences_in_their_own_ways() -> None:
    assert manifest("package.json", '{"name": "a", "version": "1",\n "license": "ISC"}').licence == "ISC"
    assert (
        manifest("package.json", '{"licenses": [{"type": "MIT"}, {"type": "ISC"}]}').licence == "MIT OR ISC"
    )
    assert manifest("pyproject.toml", '[project]\nname = "a"\nlicense = {text = "MIT"}').licence == "MIT"
    classifier = '[project]\nclassifiers = ["License :: OSI Approved :: MIT License"]'
    assert understood(str(manifest("pyproject.toml", classifier).licence)) == "MIT"
    assert manifest("setup.cfg", "[metadata]\nlicense = BSD").licence == "BSD"
    assert (
        manifest("Cargo.toml", '[package]\nname = "a"\nlicense = "MIT/Apache-2.0"').licence
        == "MIT/Apache-2.0"
    )
    assert manifest("composer.json", '{"license": ["MIT", "ISC"]}').licence == "MIT OR ISC"
    pom = "<project><licenses><license>\n<name>MIT License</name></license></licenses></project>"
    assert manifest("pom.xml", pom).licence == "MIT License"
    assert manifest("a.gemspec", "s.license = 'MIT'").licence == "MIT"
    assert not list(read_manifest(TextFile("pyproject.toml", ("[tool.ruff]", "line-length = 1"))))


def test_open_requirements_need_a_lock_and_pinned_ones_are_one() -> None:
    pinned = (
        "# x\na==1.0\nb===2 ; python_version > '3'\nc @ https://x/c.zip\n-r other.txt\nd==1 --hash=sha256:0\n"
    )
    assert manifest("requirements.txt", pinned).locks == ()
    loose = manifest("requirements-dev.txt", pinned + "e>=1\nf==1.*\n")
    assert (loose.locks, loose.line) == (("requirements-dev.txt with versions",), 7)


@pytest.mark.parametrize(
    ("line", "moves"),
    [
        ("https://x/y.zip", False),
        ("https://x/y.zip#sha256=00", False),
        ("file:///srv/y.whl", False),
        ("wheels/y-1.0-py3-none-any.whl", False),
        ("git+https://x/a/b.git@v1.2#egg=b", False),
        ("b[c] @ git+ssh://git@x/a/b.git@v1.2", False),
        ("git+https://x/a/b.git", True),
        ("git+ssh://git@x/a/b.git", True),
        ("b @ git+https://x/a/b.git", True),
        ("b @ git+https://x/a/b.git@main", True),
        ("b @ git+https://x/a/b.git@release/2.x", True),
        ("b @ git+https://x/a/b.git@refs/pull/7/head", True),
        ("b @ git+https://user@x/a1/b.git#egg=b@1", True),
        ("b @ git+https://x/a/b.git@release-2.1 ; python_version > '3'", False),
        ("b @ git+https://x/a/b.git@refs/tags/v1", False),
        ("b @ git+https://x/a/b.git@deadbeef#egg=b", False),
        ("b>=1#a/b", True),
        ("b", True),
        ("b~=1.2", True),
    ],
)
def test_a_requirement_by_its_address_moves_only_with_a_branch(line: str, moves: bool) -> None:
    assert bool(manifest("requirements.txt", line).locks) is moves


def test_requirements_that_constraints_pin_need_no_versions_of_their_own() -> None:
    assert manifest("requirements.txt", "-c constraints.txt\nb>=1\n").locks == ()


def dependencies(path: str, text: str) -> list[tuple[str, str | None, int, bool]]:
    assert declares_dependencies(path)
    said = read_dependencies(TextFile(path, tuple(text.split("\n"))))
    return [(one.name, one.licence, one.line, one.development) for one in said]


def test_dependencies_declare_licences_in_lock_files_and_vendored_packages() -> None:
    packages = {
        "": {"name": "own", "license": "MIT"},
        "node_modules/a": {"version": "1", "license": "ISC"},
        "node_modules/a/node_modules/@b/c": {"version": "2", "dev": True},
        "packages/own": {"version": "1"},
    }
    lock = json.dumps({"lockfileVersion": 3, "packages": packages}, indent=2)
    assert dependencies("package-lock.json", lock) == [("a", "ISC", 8, False), ("@b/c", None, 12, True)]
    composer = (
        '{"packages": [\n{\n"name": "a/b", "version": "1", "license": ["MIT", "ISC"]}], "packages-dev": []}'
    )
    assert dependencies("web/composer.lock", composer) == [("a/b", "MIT OR ISC", 3, False)]
    metadata = (
        "Name: a\nVersion: 1\nLicense: UNKNOWN\nClassifier: License :: OSI Approved\n"
        "Classifier: License :: OSI Approved :: MIT License\n"
    )
    (one,) = dependencies("vendor/a.dist-info/METADATA", metadata)
    assert understood(str(one[1])) == "MIT"
    assert dependencies("node_modules/a/package.json", '{"name": "a", "version": "1", "license": "ISC"}')
    assert dependencies("vendor/github.com/a/b/LICENSE", MIT) == [("vendor/github.com/a/b", "MIT", 1, False)]
    assert not declares_dependencies("own.egg-info/PKG-INFO")
    assert not declares_dependencies("package.json")


def judged(seen: Licences, policy: Policy | None = None) -> dict[str, str | None]:
    return {one.rule.partition(".")[2]: one.file for one in judge(seen, policy or Policy())}


def test_a_clean_repository_breaks_nothing() -> None:
    seen = Licences(
        texts={"LICENSE": LicenceText(("MIT",))},
        headers={"a.py": SourceHeader("MIT"), "b.py": SourceHeader(None)},
        manifests={"pyproject.toml": Manifest("PyPI", "MIT")},
        dependencies=[("package-lock.json", Dependency("a", "1", "ISC"))],
    )
    assert judged(seen) == {}
    assert table(seen)["project"] == ["MIT"]


def test_what_is_missing_or_at_odds_is_told_at_its_place() -> None:
    seen = Licences(
        texts={"LICENSE": LicenceText(("MIT",))},
        headers={f"{n}.py": SourceHeader("MIT") for n in range(4)}
        | {"x.py": SourceHeader(None), "y.c": SourceHeader("GPL-2.0-only")},
        manifests={"package.json": Manifest("npm", "ISC"), "pom.xml": Manifest("Maven", None)},
        dependencies=[
            ("l", Dependency("a", "1", "GPL-3.0-only")),
            ("m", Dependency("b", "1", "SSPL-1.0")),
            ("n", Dependency("c", "1", "Custom")),
        ],
    )
    assert judged(seen) == {
        "disagree": "package.json",
        "undeclared": "pom.xml",
        "header-missing": "x.py",
        "header-disagrees": "y.c",
        "dependency-copyleft": "l",
        "dependency-denied": "m",
        "dependency-unknown": "n",
    }
    assert judged(Licences()) == {"text-missing": "LICENSE"}
    assert judged(Licences(texts={"LICENSE": LicenceText(())})) == {"text-unrecognised": "LICENSE"}


@pytest.mark.parametrize(
    ("declared", "fits"),
    [("GPL-3.0-only", True), ("GPL", True), ("GPL-2.0-or-later", True), ("GPLv2", False), ("LGPL", False)],
)
def test_the_text_of_a_later_version_fits_or_later(declared: str, fits: bool) -> None:
    texts = {"COPYING": LicenceText(("GPL-3.0",))}
    seen = Licences(texts=texts, manifests={"setup.cfg": Manifest("PyPI", declared)})
    assert judged(seen) == ({} if fits else {"disagree": "setup.cfg"})
    header = Licences(texts=texts, headers={"a.py": SourceHeader(understood(declared))})
    assert judged(header) == ({} if fits else {"header-disagrees": "a.py"})


def test_headers_are_asked_for_where_they_are_the_custom_or_always() -> None:
    seen = Licences(texts={"LICENSE": LicenceText(("MIT",))}, headers={"a.py": SourceHeader(None)})
    assert judged(seen) == {}
    always = Policy(rules={"licences.header-missing": Setting(options={"when": "always"})})
    assert judged(seen, always) == {"header-missing": "a.py"}


def test_a_proprietary_project_ships_no_copyleft_and_lists_decide_over_defaults() -> None:
    lock = [("l", Dependency("a", "1", "GPL-3.0-only")), ("l", Dependency("b", "1", "MIT"))]
    assert judged(Licences(project="LicenseRef-Proprietary", dependencies=lock)).keys() == {
        "text-missing",
        "dependency-denied",
    }
    permitted = Policy(denied=(), allowed=("GPL-3.0", "ISC"))
    assert judged(Licences(project="LicenseRef-Proprietary", dependencies=lock), permitted).keys() == {
        "text-missing",
        "dependency-not-allowed",
    }


def test_what_is_needed_for_development_only_is_low() -> None:
    lock = [("l", Dependency("a", "1", "GPL-3.0-only", development=True))]
    (one,) = [one for one in judge(Licences(project="MIT", dependencies=lock), Policy()) if one.file == "l"]
    assert one.severity == "LOW"


def test_a_lock_that_names_no_licence_at_all_is_one_violation() -> None:
    lock = [("l", Dependency(f"p{n}", "1", None)) for n in range(300)]
    said = [one for one in judge(Licences(project="MIT", dependencies=lock), Policy()) if one.file == "l"]
    assert [one.message for one in said] == ["None of its 300 dependencies has a licence declared here."]
