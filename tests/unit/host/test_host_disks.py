"""The disks of a host: when it is short of one, when it has enough again, and what it says of that."""

from pathlib import Path

import pytest
from airlock_agents.host.disks import Disks, Room, room_at
from airlock_chassis.telemetry.metrics import REGISTRY
from structlog.testing import capture_logs

DATA, ENGINE = Path("/data"), Path("/engine")
MIB = 1024 * 1024


class Measured:
    """Disks as a test says; what has no figure cannot be measured."""

    def __init__(self) -> None:
        self.free_mb: dict[Path, int] = {DATA: 5000, ENGINE: 5000}

    def __call__(self, folder: Path) -> Room:
        if folder not in self.free_mb:
            raise FileNotFoundError(2, "No such file or directory")
        return Room(100_000 * MIB, self.free_mb[folder] * MIB)


@pytest.fixture
def measured() -> Measured:
    return Measured()


@pytest.fixture
def disks(measured: Measured) -> Disks:
    return Disks(DATA, None, reserve_mb=1024, measure=measured)


@pytest.mark.parametrize(("free_mb", "short"), [(5000, False), (1024, False), (1023, True), (0, True)])
async def test_with_less_than_the_reserve_a_disk_is_short(
    disks: Disks, measured: Measured, free_mb: int, short: bool
) -> None:
    measured.free_mb[DATA] = free_mb
    await disks.look()
    assert ("data" in disks.short) is short


async def test_it_is_short_until_there_is_clearly_enough_and_both_are_said_once(
    disks: Disks, measured: Measured
) -> None:
    short = []
    with capture_logs() as said:
        for free_mb in (2000, 1000, 900, 1030, 1279, 1280, 1100):
            measured.free_mb[DATA] = free_mb
            await disks.look()
            short.append(bool(disks.short))
    assert short == [False, True, True, True, True, False, False]
    assert [(line["event"], line["log_level"]) for line in said] == [
        ("disk.short", "warning"),
        ("disk.enough", "info"),
    ]
    assert said[0]["reason"] == "1000 MiB free of 1024"


async def test_a_disk_that_is_gone_is_short_until_it_is_there_again(measured: Measured) -> None:
    disks = Disks(DATA, None, reserve_mb=0, measure=measured)
    await disks.look()
    del measured.free_mb[DATA]
    await disks.look()
    assert disks.short == {"data": "[Errno 2] No such file or directory"}
    assert REGISTRY.get_sample_value("disk_free_bytes", {"folder": "data"}) == 0
    measured.free_mb[DATA] = 0
    await disks.look()
    assert disks.short == {}  # without a reserve only that counts


async def test_the_health_check_names_every_disk_that_is_short(tmp_path: Path) -> None:
    free = {tmp_path: 2_000_000, Path("/proc"): 1_000_000}
    disks = Disks(
        tmp_path, Path("/proc"), reserve_mb=1_000_000, measure=lambda folder: Room(0, free[folder] * MIB)
    )
    await disks.open()
    assert disks.check() == "enough room"
    free.update(dict.fromkeys(free, 999_999))
    await disks.look()
    with pytest.raises(OSError, match=r"^data: 999999 MiB free of 1000000, engine: 999999 MiB"):
        disks.check()


async def test_what_is_measured_is_shown(disks: Disks) -> None:
    await disks.look()
    assert REGISTRY.get_sample_value("disk_free_bytes", {"folder": "data"}) == 5000 * MIB
    assert REGISTRY.get_sample_value("disk_size_bytes", {"folder": "data"}) == 100_000 * MIB


async def test_an_engine_on_another_disk_counts_and_one_that_cannot_be_seen_does_not(tmp_path: Path) -> None:
    seen: list[Path] = []

    def measure(folder: Path) -> Room:
        seen.append(folder)
        return room_at(folder)

    apart = Path("/proc")  # certainly no disk of a test's folder
    for engine in (apart, tmp_path, tmp_path / "not-here", None):
        await Disks(tmp_path, engine, reserve_mb=0, measure=measure).open()
    assert seen == [tmp_path, apart, tmp_path, tmp_path, tmp_path]
