"""REST and the engine as the host's breakers know them: what counts, who is refused, who asks again."""

import asyncio
import uuid
from collections.abc import AsyncIterator

import httpx2
import pytest
from airlock_agents.host.api import Api, ApiAway, ApiRefused
from airlock_agents.host.watch import Watch
from airlock_chassis.breaker import Breaker, BreakerState
from airlock_contracts.artifacts import ArtifactRef
from airlock_contracts.messages import AttemptId

ARTIFACT = ArtifactRef(artifact=f"sha256:{'0' * 64}", size=1, media_type="text/plain")
ATTEMPT = AttemptId(run=str(uuid.uuid4()), node="scan", number=1)


class Rest:
    """Answers with one status, or not at all; counts the questions."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.asked: list[str] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request.method)
        if self.status is None:
            raise httpx2.ConnectError("refused")
        return httpx2.Response(self.status)


@pytest.fixture
def rest() -> Rest:
    return Rest()


@pytest.fixture
async def api(rest: Rest) -> AsyncIterator[Api]:
    breaker = Breaker("api", failures=3, rest_seconds=0.0)
    api = Api("http://rest", "token", breaker=breaker, transport=httpx2.MockTransport(rest))
    yield api
    await api.close()


async def ask(api: Api) -> type[Exception] | None:
    try:
        await api.agent_version("x")
    except (ApiAway, ApiRefused) as error:
        return type(error)
    return None


async def chunks() -> AsyncIterator[bytes]:
    yield b"x"


@pytest.mark.parametrize("status", [None, 500, 503, 429, 401])
async def test_what_is_worth_asking_again_opens_the_breaker(api: Api, rest: Rest, status: int | None) -> None:
    rest.status = status
    assert [await ask(api) for _ in range(3)] == [ApiAway] * 3
    assert api.breaker.state is BreakerState.OPEN


async def test_a_refusal_is_an_answer(api: Api, rest: Rest) -> None:
    rest.status = 404
    assert [await ask(api) for _ in range(5)] == [ApiRefused] * 5
    assert api.breaker.closed


async def test_while_it_is_open_what_nobody_claimed_is_refused_at_once_and_the_rest_is_asked(
    api: Api, rest: Rest
) -> None:
    for _ in range(3):
        await ask(api)
    rest.asked.clear()
    with pytest.raises(ApiAway, match="asks it again by itself"):
        await api.agent_version("x")
    with pytest.raises(ApiAway, match="asks it again by itself"):
        async for _ in api.get_artifact(ARTIFACT):
            pass
    assert rest.asked == []
    rest.status = 204
    await api.put_artifact(ARTIFACT, ATTEMPT, chunks)
    assert rest.asked == ["PUT"]
    assert api.breaker.closed  # it answered, whoever asked


class Hanging(httpx2.AsyncByteStream):
    """A body that begins and does not go on."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"{"
        raise httpx2.ReadTimeout("nothing came for a while")


async def test_answers_that_begin_and_never_end_open_the_breaker() -> None:
    breaker = Breaker("api", failures=3, rest_seconds=0.0)
    hanging = httpx2.MockTransport(lambda _: httpx2.Response(200, stream=Hanging()))
    api = Api("http://rest", "token", breaker=breaker, transport=hanging)
    assert [await ask(api) for _ in range(3)] == [ApiAway] * 3
    assert not breaker.closed
    await api.close()


@pytest.mark.parametrize(
    ("status", "closed"), [(404, True), (None, False), (500, False), (503, False), (429, False), (401, False)]
)
async def test_its_own_question_tells_the_breaker(
    api: Api, rest: Rest, status: int | None, closed: bool
) -> None:
    for _ in range(3):
        await ask(api)
    rest.status = status
    assert api.breaker.may_try()
    await api.ask()
    assert api.breaker.closed is closed


async def watching(breaker: Breaker, answers: list[bool], *, always: bool = False) -> int:
    """Watch until there are no answers left; tells how often it asked."""
    stop = asyncio.Event()
    asked = 0

    async def ask_it() -> None:
        nonlocal asked
        asked += 1
        if answers.pop(0):
            breaker.succeeded()
        else:
            breaker.failed()
        if not answers:
            stop.set()

    async with asyncio.timeout(20):
        await Watch(breaker, ask_it, always=always).run(stop)
    return asked


async def test_a_watch_tries_an_open_breaker_until_it_closes() -> None:
    breaker = Breaker("api", failures=1, rest_seconds=0.01, most_seconds=0.02)
    breaker.failed()
    assert await watching(breaker, [False, False, True]) == 3
    assert breaker.closed


async def test_a_watch_asks_an_engine_that_answers_too() -> None:
    breaker = Breaker("docker", failures=1)
    assert await watching(breaker, [False], always=True) == 1
    assert not breaker.closed
