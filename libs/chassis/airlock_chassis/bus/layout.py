"""Airlock's own streams and consumers, as values."""

from dataclasses import dataclass

from airlock_contracts.subjects import Subjects

from .streams import ConsumerSpec, Retention, StreamSpec

MIB = 1024 * 1024
WEEK_SECONDS = 7 * 24 * 3600.0


@dataclass(frozen=True, slots=True)
class LayoutSizes:
    """Bytes that each stream may hold, and that JetStream reserves. A full one refuses; nothing is lost."""

    invocations: int = 512 * MIB
    reports: int = 512 * MIB
    dead_letters: int = 128 * MIB


@dataclass(frozen=True, slots=True)
class Layout:
    """The streams of one install and their consumers. `replicas` is 3 on a cluster."""

    subjects: Subjects
    sizes: LayoutSizes = LayoutSizes()
    replicas: int = 1

    @property
    def invocations(self) -> StreamSpec:
        """One message per attempt at most, also while it is pulled and not yet acked."""
        return StreamSpec(
            name=self.subjects.invocations_stream,
            subjects=(self.subjects.all_invocations,),
            retention=Retention.WORK_QUEUE,
            max_bytes=self.sizes.invocations,
            max_msgs_per_subject=1,
            discard_new_per_subject=True,
            replicas=self.replicas,
        )

    @property
    def reports(self) -> StreamSpec:
        """What hosts say about attempts. Full, it refuses, and the host keeps its report and comes again."""
        return StreamSpec(
            name=self.subjects.reports_stream,
            subjects=(self.subjects.all_reports,),
            retention=Retention.WORK_QUEUE,
            max_bytes=self.sizes.reports,
            replicas=self.replicas,
        )

    @property
    def dead_letters(self) -> StreamSpec:
        """Messages that could never be handled; the oldest go after a week or when it is full."""
        return StreamSpec(
            name=self.subjects.dead_letters_stream,
            subjects=(self.subjects.all_dead_letters,),
            retention=Retention.LIMITS,
            max_bytes=self.sizes.dead_letters,
            discard_new=False,
            max_age=WEEK_SECONDS,
            replicas=self.replicas,
        )

    @property
    def streams(self) -> tuple[StreamSpec, ...]:
        """All of them, in the order to declare."""
        return (self.invocations, self.reports, self.dead_letters)

    def pool_consumer(self, pool: str) -> ConsumerSpec:
        """The one consumer of a pool's invocations; a second with an overlapping filter is refused."""
        return ConsumerSpec(
            stream=self.subjects.invocations_stream,
            name=self.subjects.pool_consumer(pool),
            filter_subject=self.subjects.pool_invocations(pool),
        )

    def reports_consumer(self) -> ConsumerSpec:
        """The one consumer of reports, shared by all replicas."""
        return ConsumerSpec(
            stream=self.subjects.reports_stream,
            name=self.subjects.reports_consumer(),
            filter_subject=self.subjects.all_reports,
        )
