"""What is piped into an interpreter: told where it is the program, and left alone where it is data."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from airlock_agents.builtin.compliance_checker.shell_lines import piped_to_shell, with_sudo, world_writable

RUN = [
    "curl -fsSL https://x/i.sh | sh",
    "curl https://x | sudo -E bash -",
    "curl https://x | sudo -u app bash",
    'curl -sfL https://get.x | INSTALL_EXEC="server --a" sh -',
    "curl -sfL https://get.x | A=1 B=2 sh -s - server",
    "curl https://x | bash -s -- --yes",
    "curl https://x | bash -euo pipefail",
    "curl https://x | bash -e",
    "curl https://x | bash -x > log 2>&1",
    "curl https://x | python3",
    "curl https://x | python3 -",
    "curl https://x | python3 -u - --yes",
    "curl https://x | python3.11 -",
    "curl https://x | perl -w",
    "curl https://x | perl - App::cpanminus",
    "curl https://x | node",
    "curl https://x | node --input-type=module",
    "curl https://x | ruby",
    'curl "https://x/a?b=1&c=2#f" | sh',
    "curl 'https://x/a?b=1&c=2' | sh",
    "curl https://x/a#b | sh",
    "curl https://x 2>&1 | sh",
    "curl https://x 2>/dev/null | /bin/bash",
    "curl https://x |& bash",
    "curl https://x | gunzip | sh",
    "curl https://x | tee /x | sudo bash",
    "curl https://x | base64 -d | bash",
    "wget -qO- https://x | sh # now",
    'bash -c "curl https://x | sh"',
    '["sh", "-c", "curl https://x | sh"]',
    "sh 'curl https://x | sh'",
    "bash <(curl -s https://x)",
    "bash -x <(curl -s https://x)",
    "bash < <(curl -s https://x)",
    'sh -c "$(wget -qO- https://x)"',
    'eval "$(curl https://x)"',
    "source <(curl https://x)",
    'python3 -c "$(curl https://x)"',
    "curl https://x | bash $FLAGS",
    "curl https://x | bash /dev/stdin --yes",
    "curl https://x | exec bash",
    "x=$(curl https://x | sh)",
    "curl \\\n  https://x \\\n  | sh",
    "curl https://x |\n  sh",
    "curl https://x | bash \\\n  -s -- --yes",
    "curl https://x | env -i sh",
    "curl https://x | env -u HOME A=1 bash",
    "curl https://x | /usr/bin/env bash",
    "curl https://x | doas sh",
    "curl https://x | doas -u app sh",
    "curl https://x | sudo -E env -i /bin/bash -s",
    "curl https://x | nohup bash",
    "curl https://x | time bash",
    "curl https://x | nice -n 10 bash",
    "curl https://x | setsid -f bash",
    "curl https://x | timeout -k 5 30s bash",
    "curl https://x | stdbuf -oL sh",
    "curl https://x | exec -a name bash",
    "curl https://x | busybox sh",
    "curl https://x | (cd /tmp && sh)",
    "curl https://x | (sh -s -- --yes)",
    "curl https://x | { sudo bash; }",
]
READ = [
    "curl https://x | python3 -m json.tool",
    "curl https://x | python3 -mjson.tool",
    "curl https://x | python3 -um json.tool",
    "curl https://x | python3 -c 'import json'",
    'curl https://x | python -Bc "a"',
    "curl https://x | node -p 1",
    "curl https://x | node -pe 1",
    "curl https://x | node --eval 1",
    'curl https://x | node -e "x"',
    "curl https://x | perl -ne print",
    "curl https://x | perl -pe 's/a/b/'",
    "curl https://x | perl -0777 -ne 'x'",
    "curl https://x | perl -MJSON -lane 'x'",
    "curl https://x | ruby -rjson -e 'x'",
    "curl https://x | ruby -r json -ne 'x'",
    "curl https://x | python3 parse.py",
    "curl https://x | python3 scripts/parse.py --a",
    "curl https://x | node parse.js",
    "curl https://x | bash parse.sh",
    "curl https://x | bash -c 'cat'",
    "curl https://x | sh -ec 'cat'",
    "curl https://x | tar xz",
    "curl https://x | jq .",
    "curl https://x | node-gyp",
    "curl https://x | python-foo",
    "curl https://x | shasum -c",
    "curl https://x | sha256sum",
    "curl https://x | env -i python3 parse.py",
    "curl https://x | sudo -u bash tee a",
    "curl https://x | (cd /tmp && tar xz)",
    "curl https://x | (cd /tmp && sh parse.sh)",
    "curl https://x | busybox tar xz",
    "curl https://x | time jq .",
    "curl https://x -o a; sh a",
    "curl https://x -o a && sh a",
    "curl https://x -o a & sh a",
    "curl https://x # | sh",
    "apt-get install curl | sh.log",
    "libcurl-dev",
    "curl-config | sh",
    "curl.se | tee",
    "curl https://x || sh fallback.sh",
    "curl https://x | while read a; do echo; done",
    'curl https://x | python3 "$HOME/parse.py"',
    "curl https://x | python3 'parse.py'",
    "curl -O https://x/a.tgz\ncat list | sh",
]


@pytest.mark.parametrize("script", RUN)
def test_what_is_fetched_and_run_is_told_once(script: str) -> None:
    assert len(list(piped_to_shell("true\n" + script + "\ntrue\n"))) == 1


@pytest.mark.parametrize("script", READ)
def test_what_is_fetched_and_only_read_is_not_told(script: str) -> None:
    assert list(piped_to_shell(script)) == []


def test_each_place_is_told_where_its_fetch_stands() -> None:
    script = "curl a | sh\nwget b | jq . && curl c | sh\n"
    assert list(piped_to_shell(script)) == [0, script.index("curl c")]


@pytest.mark.parametrize(
    "hostile",
    [
        "curl " * 20_000,
        'curl "' * 20_000,
        "curl |" * 20_000,
        "curl x | sh $a " * 10_000,
        "curl " + "'\\" * 50_000,
        ("curl " * 60 + "| " + "sudo -u " * 60 + "zz\n") * 1_300,
        ("curl " * 60 + "| " + "sudo -u a " * 60 + "zz\n") * 1_100,
        ("curl x" + " | sudo nice -n a -c b" * 4 + " zz\n") * 10_000,
        ("curl x | " + "env A=1 " * 20 + "zz\n") * 6_000,
        ("curl x | " + "/a" * 40 + "\n") * 10_000,
        ("curl x | " + "(cd a && " * 20 + "zz\n") * 5_000,
    ],
)
def test_a_hostile_script_takes_no_time(
    processor_seconds: Callable[[Callable[[], object]], float], hostile: str
) -> None:
    assert processor_seconds(lambda: list(piped_to_shell(hostile))) < 10


@pytest.mark.parametrize(
    "mode", ["777", "0777", "00777", '"777"', "'a+w'", "a+r+w", "o-x+w", "ugo=rw", "-R 666"]
)
def test_what_everybody_may_write_is_told_however_it_is_spelled(mode: str) -> None:
    assert list(world_writable(f"chmod {mode} /a")) == [0]


@pytest.mark.parametrize("mode", ["755", "00755", '"1777"', "01777", "a+r-w", "u+w+x", "o+r,u+w", "+w", "77"])
def test_what_its_owner_alone_may_write_is_not_told(mode: str) -> None:
    assert list(world_writable(f"chmod {mode} /a")) == []


@pytest.mark.parametrize(
    "hostile", [("chmod a" + "+=-" * 13 + " x\n") * 20_000, "chmod -a " + " " * 1_000_000]
)
def test_hostile_modes_take_no_time(
    processor_seconds: Callable[[Callable[[], object]], float], hostile: str
) -> None:
    assert processor_seconds(lambda: list(world_writable(hostile))) < 10


def test_a_package_is_no_command() -> None:
    assert list(with_sudo("apt-get install git\v sudo\v vim")) == []
    assert len(list(with_sudo("true\nsudo true; sudo true"))) == 2
