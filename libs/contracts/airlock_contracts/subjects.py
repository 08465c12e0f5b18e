"""All NATS names, built and parsed in one place, under one prefix so that installs can share a cluster."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AttemptSubject:
    """What an invocation's subject names."""

    pool: str
    run: str
    node: str
    number: int


@dataclass(frozen=True, slots=True)
class Subjects:
    """The names of one install. `prefix` is `airlock` unless set; tokens have no dots."""

    prefix: str = "airlock"

    # streams and consumers: no dots allowed in their names
    @property
    def invocations_stream(self) -> str:
        """Work queue: one message per attempt at most."""
        return self._stream("INVOCATIONS")

    @property
    def reports_stream(self) -> str:
        """Work queue of what hosts say about attempts."""
        return self._stream("REPORTS")

    @property
    def dead_letters_stream(self) -> str:
        """Messages with a permanent problem, each with its cause."""
        return self._stream("DEAD_LETTERS")

    def pool_consumer(self, pool: str) -> str:
        """The one durable pull consumer of a pool."""
        return f"hosts-{pool}"

    def reports_consumer(self) -> str:
        """The durable pull consumer that all orchestration replicas share."""
        return "reports"

    # subjects
    def invocation(self, attempt: AttemptSubject) -> str:
        """Where one attempt's invocation is sent."""
        return f"{self.prefix}.invocations.{attempt.pool}.{attempt.run}.{attempt.node}.{attempt.number}"

    def pool_invocations(self, pool: str) -> str:
        """All invocations for one pool."""
        return f"{self.prefix}.invocations.{pool}.>"

    def run_invocations(self, run: str) -> str:
        """All invocations of one run, whatever their pools."""
        return f"{self.prefix}.invocations.*.{run}.>"

    @property
    def all_invocations(self) -> str:
        """All invocations."""
        return f"{self.prefix}.invocations.>"

    def parse_invocation(self, subject: str) -> AttemptSubject:
        """Read an invocation's subject. Raises ValueError for any other subject."""
        head = f"{self.prefix}.invocations."
        parts = subject.removeprefix(head).split(".")
        if not subject.startswith(head) or len(parts) != 4 or not parts[3].isdecimal():
            raise ValueError(f"not an invocation's subject: {subject!r}")
        return AttemptSubject(parts[0], parts[1], parts[2], int(parts[3]))

    def report(self, shard: int, host: str) -> str:
        """Where a host sends its reports."""
        return f"{self.prefix}.reports.{shard}.{host}"

    @property
    def all_reports(self) -> str:
        """All reports."""
        return f"{self.prefix}.reports.>"

    def dead_letter(self, stream: str) -> str:
        """Where a message of that stream goes that can never be handled."""
        return f"{self.prefix}.dead.{stream}"

    @property
    def all_dead_letters(self) -> str:
        """All dead letters."""
        return f"{self.prefix}.dead.>"

    @property
    def claim(self) -> str:
        """Request: may this token start this attempt?"""
        return f"{self.prefix}.control.claim"

    @property
    def heartbeat(self) -> str:
        """Request: a host lives, and holds these attempts."""
        return f"{self.prefix}.control.heartbeat"

    @property
    def image(self) -> str:
        """Request to one host of each pool: what image is this? Only the pool that is named answers."""
        return f"{self.prefix}.control.image"

    @property
    def cancel(self) -> str:
        """Broadcast to hosts: end these attempts."""
        return f"{self.prefix}.control.cancel"

    def bell(self, project: str) -> str:
        """Broadcast: there are new journal rows; look."""
        return f"{self.prefix}.bell.{project}"

    def logs(self, host: str) -> str:
        """Where a host sends what its agents say; core NATS, kept by nobody."""
        return f"{self.prefix}.logs.{host}"

    @property
    def all_logs(self) -> str:
        """What all agents say."""
        return f"{self.prefix}.logs.>"

    def _stream(self, name: str) -> str:
        return name if self.prefix == "airlock" else f"{self.prefix}_{name}"
