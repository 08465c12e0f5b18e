"""The sandboxes of one host process: opened by what manifests ask for, known as long as they live."""

from collections.abc import Callable

from airlock_contracts.messages import Usage

from .counts import LOOK_SECONDS
from .docker import Containers
from .outcome import Failed, Outcome, start_failed
from .policy import HostLimits, Owner, PolicyRefusal, container_policy
from .ports import ArtifactSource, SandboxRequest, SandboxSpec, Sink
from .sandbox import OpenFailed, Sandbox


class Sandboxes:
    """The sandboxes of one host process on one engine."""

    def __init__(
        self,
        containers: Containers,
        *,
        install: str,
        host: str,
        boot: str,
        limits: HostLimits | None = None,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        """`look_seconds`: how often what a sandbox takes is looked at while it goes on."""
        self._containers = containers
        self._install = install
        self._host = host
        self._boot = boot
        self._limits = limits or HostLimits()
        self._look_seconds = look_seconds
        self._live: set[str] = set()

    @property
    def live(self) -> frozenset[str]:
        """The sandboxes in use: a janitor leaves them alone."""
        return frozenset(self._live)

    async def run(
        self, spec: SandboxSpec, request: SandboxRequest, source: ArtifactSource, sink: Sink
    ) -> Outcome:
        """Open, invoke, close. Raises only what source and sink raise."""
        try:
            sandbox = await self.open(spec)
        except OpenFailed as failed:
            return failed.outcome
        try:
            return await sandbox.invoke(request, source, sink)
        finally:
            await sandbox.close()

    async def open(
        self, spec: SandboxSpec, *, on_closed: Callable[[Usage], None] = lambda _: None
    ) -> Sandbox:
        """Start a sandbox; the caller closes it. Raises OpenFailed.

        `on_closed` gets what it took in all, once it is closed, also when no sandbox came of it.
        """
        owner = Owner(install=self._install, host=self._host, boot=self._boot, sandbox=spec.sandbox)
        try:
            policy = container_policy(
                manifest=spec.manifest,
                image=spec.image,
                host=self._limits,
                owner=owner,
                processors=self._containers.engine.processors,
            )
        except PolicyRefusal as refusal:
            raise OpenFailed(Failed(start_failed(str(refusal), retryable=False))) from refusal
        self._live.add(spec.sandbox)
        sandbox = Sandbox(
            self._containers, spec, policy, self._live, look_seconds=self._look_seconds, on_closed=on_closed
        )
        await sandbox.open()
        return sandbox
