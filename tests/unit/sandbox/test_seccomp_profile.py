"""The seccomp profile: an allow-list, without the calls that are left out on purpose."""

import json
from typing import Any

import pytest
from airlock_agents.sandbox.seccomp import profile, profile_json
from airlock_agents.sandbox.seccomp_calls import ALLOWED, REFUSED, names

UNCONDITIONAL = {
    name
    for rule in profile()["syscalls"]
    if "args" not in rule and "errnoRet" not in rule
    for name in rule["names"]
}


def rules_of(call: str) -> list[dict[str, Any]]:
    return [rule for rule in profile()["syscalls"] if call in rule["names"]]


def passes(call: str, *arguments: int) -> bool:
    """What the kernel's filter decides: any rule whose comparisons all hold allows."""
    for rule in rules_of(call):
        if rule["action"] == "SCMP_ACT_ALLOW" and all(
            _holds(comparison, arguments) for comparison in rule.get("args", [])
        ):
            return True
    return False


def _holds(comparison: dict[str, Any], arguments: tuple[int, ...]) -> bool:
    value = arguments[comparison["index"]]
    if comparison["op"] == "SCMP_CMP_EQ":
        return bool(value == comparison["value"])
    assert comparison["op"] == "SCMP_CMP_MASKED_EQ"
    return bool(value & comparison["value"] == comparison["valueTwo"])


def test_what_is_not_named_is_refused() -> None:
    assert profile()["defaultAction"] == "SCMP_ACT_ERRNO"
    assert {rule["action"] for rule in profile()["syscalls"]} == {"SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO"}


def test_what_is_left_out_on_purpose_is_nowhere_allowed() -> None:
    allowed = {name for rule in profile()["syscalls"] for name in rule["names"]}
    assert not allowed & set(names(REFUSED))


def test_a_call_with_conditions_is_not_allowed_without_them_too() -> None:
    conditional = {name for rule in profile()["syscalls"] if "args" in rule for name in rule["names"]}
    assert conditional == {"clone", "personality", "mknod", "mknodat", "memfd_create", "socket", "socketpair"}
    assert not conditional & UNCONDITIONAL
    assert set(names(ALLOWED)) == UNCONDITIONAL


@pytest.mark.parametrize(
    "flag", [0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000]
)
def test_clone_makes_processes_and_threads_but_no_namespace(flag: int) -> None:
    thread, fork = 0x003D0F00, 0x01200011
    assert passes("clone", thread)
    assert passes("clone", fork)
    assert not passes("clone", fork | flag)


def test_clone3_is_not_there_so_that_libc_takes_clone() -> None:
    (rule,) = rules_of("clone3")
    assert (rule["action"], rule["errnoRet"]) == ("SCMP_ACT_ERRNO", 38)


@pytest.mark.parametrize(
    ("family", "kind", "protocol", "allowed"),
    [
        (1, 1, 0, True),
        (1, 5, 0, True),
        (2, 1 | 0x80000, 6, True),
        (10, 2 | 0x800, 17, True),
        (2, 3, 1, False),
        (2, 2, 1, False),
        (2, 1, 132, False),
        (2, 1, 262, False),
        (16, 3, 0, False),
        (17, 3, 768, False),
        (38, 5, 0, False),
        (40, 1, 0, False),
        (0x100000001, 1, 0, False),
    ],
)
def test_sockets_are_local_tcp_or_udp(family: int, kind: int, protocol: int, allowed: bool) -> None:
    assert passes("socket", family, kind, protocol) is allowed


@pytest.mark.parametrize(
    ("mode", "allowed"),
    [
        (0o100644, True),
        (0o644, True),
        (0o010644, True),
        (0o140644, True),
        (0o020644, False),
        (0o060644, False),
    ],
)
def test_no_device_is_made(mode: int, allowed: bool) -> None:
    assert passes("mknod", 0, mode, 0) is allowed
    assert passes("mknodat", 0, 0, mode, 0) is allowed


@pytest.mark.parametrize(
    ("persona", "allowed"), [(0, True), (0xFFFFFFFF, True), (8, False), (0x40000, False), (0x400000, False)]
)
def test_a_personality_may_be_asked_for_and_never_taken_on(persona: int, allowed: bool) -> None:
    assert passes("personality", persona) is allowed


def test_a_file_in_memory_is_sealed_against_being_executed() -> None:
    assert passes("memfd_create", 0, 0x8 | 0x1)
    assert not passes("memfd_create", 0, 0x1)
    assert not passes("memfd_create", 0, 0x10)


def test_only_the_machines_own_calls_are_known() -> None:
    assert [item["architecture"] for item in profile()["archMap"]] == [
        "SCMP_ARCH_X86_64",
        "SCMP_ARCH_AARCH64",
    ]
    assert not any(item["subArchitectures"] for item in profile()["archMap"])


def test_it_is_the_same_text_each_time() -> None:
    assert json.loads(profile_json()) == profile()
    assert profile_json() == profile_json()
