"""Rate limits on the running service: exact, per key, and by class of endpoint."""

import asyncio
from collections import Counter

import pytest
from e2e_install import Install

CREATES_A_MINUTE = 100


@pytest.mark.timeout(60)
async def test_of_120_requests_at_once_100_pass_and_20_are_told_when_to_come_again(install: Install) -> None:
    async def create() -> tuple[int, str | None]:
        answer = await install.http.post("/api/workflows", json={"name": "not a name", "nodes": []})
        return answer.status_code, answer.headers.get("Retry-After")

    answers = await asyncio.gather(*(create() for _ in range(CREATES_A_MINUTE + 20)))
    # What is invalid counts too, or a limit would not bound the work of refusing.
    assert Counter(status for status, _ in answers) == {422: CREATES_A_MINUTE, 429: 20}
    assert all(after is not None and 0 < int(after) <= 60 for status, after in answers if status == 429)
    reading = await install.http.get("/api/workflows")
    assert reading.status_code == 200
    admin = install.stack.folder.admin_key.read_text().strip()
    other = await install.http.post(
        "/api/workflows",
        json={"name": "not a name", "nodes": []},
        headers={"Authorization": f"Bearer {admin}"},
    )
    assert other.status_code == 422
