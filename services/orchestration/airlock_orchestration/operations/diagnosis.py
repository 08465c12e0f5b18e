"""Facts about what this process stands on, for `airlock doctor`: each part for itself, nothing is changed."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from airlock_chassis.bus.connection import Bus
from airlock_chassis.bus.errors import BusError
from airlock_chassis.bus.inspection import account, look_at_consumers, look_at_streams
from airlock_chassis.bus.layout import Layout
from airlock_chassis.bus.options import BusOptions
from airlock_contracts.subjects import Subjects

from ..store.database import DatabaseUnavailable
from ..store.diagnosis import look_at_database

BUS_SECONDS = 4.0


async def database(url: str) -> dict[str, Any]:
    """What Postgres says, or `problem`."""
    try:
        return asdict(await look_at_database(url))
    except DatabaseUnavailable as error:
        return {"problem": str(error)}


async def nats(options: BusOptions, layout: Layout, pools: Sequence[str]) -> dict[str, Any]:
    """What NATS says, with every stream and consumer that should be there, or `problem`."""
    bus = Bus(options)
    try:
        await bus.open(timeout=BUS_SECONDS)
        consumers = [layout.reports_consumer(), *(layout.pool_consumer(pool) for pool in pools)]
        return {
            "account": asdict(await account(bus)),
            "streams": [asdict(one) for one in await look_at_streams(bus, layout.streams)],
            "consumers": [asdict(one) for one in await look_at_consumers(bus, consumers)],
        }
    except BusError as error:
        return {"problem": str(error)}
    finally:
        await bus.close()


def layout_of(prefix: str, replicas: int) -> Layout:
    """What should be there."""
    return Layout(Subjects(prefix), replicas=replicas)
