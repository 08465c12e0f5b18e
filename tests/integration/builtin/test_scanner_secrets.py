"""No padding, no slow line and no decoy hides a secret from a scan in its container."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from airlock_sdk.testing import Outcome

KEY = "api_key = 'Zq8rT2wXn5LbVc7KdPf3Hj'\n"

# One of each kind of secret; the names that hold none of them are as telling as those that do.
PLANTED = (
    "api_key = 'Zq8rT2wXn5LbVc7KdPf3Hj'",
    "db_password = 'Zq8rT2wXn5LbVc7K'",
    "url = 'amqp://worker:tulip7Orbit92@broker.lindenhof.dev/'",
    "id = 'AKIAZQ3RT7WXN5LBVC7K'",
    "hook = 'https://hooks.slack.com/services/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'",
    "send = 'SG.Zq8rT2wXn5LbVc7KdPf3Hj.Zq8rT2wXn5LbVc7KdPf3HjZq8rT2wXn5LbVc7KdPf3H'",
    "bot = '110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw1'",
    "pay = 'sk_live_Zq8rT2wXn5LbVc7KdPf3HjZq'",
    f"feed = 'https://lindenhof:{'8d2f7c1a9e4b6035' * 4}@lindenhof.cloudant.com'",
    "glpat-Zq8rT2wXn5LbVc7KdPf3",
    "ghp_Zq8rT2wXn5LbVc7KdPf3HjZq8rT2wXn5LbVc",
    "softlayer_api_key = 'zq8rt2wxn5lbvc7kdpf3hjzq8rt2wxn5lbvc7kdpf3hjzq8rt2wxn5lbvc7kdpf3'",
    "-----BEGIN RSA PRIVATE KEY-----",
    "MIIEpAIBAAKCAQEAzq8rt2wxn5lbvc7kdpf3hjzq8rt2wxn5lbvc7kdpf3hjzq8r",
)
COMMENTS = "# padding\n" * 130_000


def test_no_padding_hides_a_secret(
    run_agent: Callable[..., Outcome], check_output: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    planted = "\n".join(PLANTED) + "\n"
    long = "x=1;" * 1_260 + "\n"
    files = {
        "plain.js": planted,
        "comments.js": COMMENTS + planted,
        "comments.py": COMMENTS + planted,
        "huge.js": "// and the key to the house\n" * 400_000 + planted,
        "long-lines.js": long * 206 + planted,
        "far-behind.txt": "x=1;" * 255_000 + "  ".join(PLANTED[-2:]) + "\n",
        "far-behind.dump": "x=1;" * 2_300_000 + "  ".join(PLANTED[-2:]) + "\n",
        "deploy.yaml": COMMENTS + "database:\n  password: Zq8rT2wXn5LbVc7K\n",
        "deploy": COMMENTS + "export DB_PASSWORD=Zq8rT2wXn5LbVc7K\n",
        ".svn/run.sh": planted,
        "lib.pl": "# " + "\0\1\2" * 60 + "\n" + planted,
        "run": "# " + "\0\1\2" * 60 + "\n" + planted,
        "wide.txt": "\ufeff" + COMMENTS + planted,
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content, encoding="utf-16-le" if name == "wide.txt" else "utf-8")
    outcome = run_agent("security-scanner", "scan", {"scan_types": ["secrets"]}, workspace=tmp_path)
    output = check_output("security-scanner", "scan", outcome)
    found: dict[str, set[str]] = {}
    for one in json.loads(outcome.artifact(output["report"]))["findings"]:
        if one["severity"] != "LOW":
            found.setdefault(one["file"], set()).update((one["rule"], *one["also"]))
    sure = {one for one in found["plain.js"] if "entropy" not in one}
    assert len(sure) == 12
    assert found == {
        "plain.js": found["plain.js"],
        "comments.js": found["plain.js"],
        "comments.py": found["comments.py"],
        "huge.js": found["plain.js"],
        "long-lines.js": found["plain.js"],
        "far-behind.txt": {"private-key"},
        "far-behind.dump": {"private-key"},
        "deploy.yaml": {"secret-keyword"},
        "deploy": {"secret-keyword"},
        ".svn/run.sh": found["plain.js"],
        "lib.pl": found["plain.js"],
        "run": sure,
        "wide.txt": found["plain.js"],
    }
    assert sure <= found["comments.py"]
    assert {one["file"]: one["reason"] for one in output["skipped"]} == {
        "comments.js": "larger than 1048576 bytes: searched by patterns and in blocks only",
        "comments.py": "larger than 1048576 bytes: searched by patterns and in blocks only",
        "deploy": "larger than 1048576 bytes: searched by patterns and in blocks only",
        "deploy.yaml": "larger than 1048576 bytes: searched by patterns and in blocks only",
        "far-behind.dump": "larger than 8388608 bytes: searched for secrets only",
        "huge.js": "larger than 8388608 bytes: searched for secrets only",
        "run": "binary: searched for secrets only",
        "wide.txt": "larger than 1048576 bytes: searched by patterns and in blocks only",
    }


# Each took the detectors' patterns seconds, or hours.
SLOW = ("password" + " " * 4_900 + "=x", "secret_" * 714, "password" * 625, "token" + "\t" * 4_900 + ":x")


def test_no_line_that_a_pattern_is_slow_on_hides_a_secret(
    run_agent: Callable[..., Outcome], check_output: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    lines = "\n".join((PLANTED[3], *SLOW * 26, PLANTED[4])) + "\n"
    (tmp_path / "small.txt").write_text(lines)
    (tmp_path / "padded.txt").write_text(COMMENTS + lines)
    outcome = run_agent("security-scanner", "scan", {"scan_types": ["secrets"]}, workspace=tmp_path)
    output = check_output("security-scanner", "scan", outcome)
    found = {(one["file"], one["line"]) for one in output["findings"] if one["severity"] == "CRITICAL"}
    assert found == {("small.txt", 1), ("small.txt", 106), ("padded.txt", 130_001), ("padded.txt", 130_106)}
    assert [one["reason"] for one in output["skipped"]] == [
        "larger than 1048576 bytes: searched by patterns and in blocks only"
    ]


def test_a_password_without_quotes_is_seen_behind_decoys_and_what_only_names_one_is_none(
    run_agent: Callable[..., Outcome], check_output: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    setting = "DB_PASSWORD=Zq8rT2wXn5LbVc7K\n"
    (tmp_path / "a.env").write_text(setting)
    (tmp_path / "b.env").write_text("this line is no setting\n" + setting)
    (tmp_path / "c.env").write_text(KEY + setting)
    (tmp_path / "d.sh").write_text("case $1 in\n  a) ;;\nesac\nexport " + setting)
    (tmp_path / "e.yaml").write_text("a: [\n" + setting.replace("=", ": "))
    (tmp_path / "f.ts").write_text("interface Login {\n  password: string22\n}\n")
    names = "password=config2.password\nprivate_key=load_pem_x509(data)\nsecret=Vault2::TOKEN\n"
    (tmp_path / "g.rb").write_text(names + "password=keys4[name]\n")
    called = (
        "password = hash_sha256(pw)\nself.password = request2.form.get(key)\napi_key = settings.API_KEY_2\n"
        "password = b64decode(value)\nsecret_key: os.environ.get(k8s)\npassword = sha256_of(\n    value)\n"
    )
    (tmp_path / "h.py").write_text(COMMENTS + called + names + setting)
    (tmp_path / "i.env").write_text("no setting\nDB_PASSWORD=tulip7.Orbit92\nPAY_PASSWORD=Tea!7,kettle(9\n")
    outcome = run_agent("security-scanner", "scan", {"scan_types": ["secrets"]}, workspace=tmp_path)
    output = check_output("security-scanner", "scan", outcome)
    assert {(one["file"], one["line"]) for one in output["findings"]} == {
        ("a.env", 1),
        ("b.env", 2),
        ("c.env", 1),
        ("c.env", 2),
        ("d.sh", 4),
        ("e.yaml", 2),
        ("h.py", 130_011),
        ("i.env", 2),
        ("i.env", 3),
    }
