"""Who `airlock up` makes the first key for: whoever sits at the keyboard, by a name that a key may have."""

import pytest
from airlock_client.local.processes import own_name


@pytest.mark.parametrize(
    ("account", "name"), [("alice", "alice"), ("a b\n", "a_b_"), ("x" * 99, "x" * 63), ("airlock", "admin")]
)
def test_the_account_is_the_name_unless_airlock_calls_itself_so(
    monkeypatch: pytest.MonkeyPatch, account: str, name: str
) -> None:
    monkeypatch.setenv("SUDO_USER", account)
    assert own_name() == name
