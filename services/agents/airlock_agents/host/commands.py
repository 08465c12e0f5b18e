"""The host room's command, a subcommand of `python -m airlock_agents`."""

import argparse
import sys
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from airlock_chassis import supervisor
from airlock_chassis.fatal import Fatal
from airlock_chassis.telemetry.export import configure_export, shutdown_telemetry
from airlock_chassis.telemetry.logs import configure_logs
from airlock_chassis.telemetry.traces import configure_traces

from ..settings import ELSEWHERE, Settings
from .app import serve
from .identity import Identity, kept_name, new_boot, own_data_folder

SERVICE = "agent-host"


def add_host(subparsers: Any) -> None:
    """`host`: run the agent host until it is asked to stop."""
    parser = subparsers.add_parser("host", help="run the agent host (settings: AIRLOCK_* variables)")
    parser.set_defaults(run=_host)


def _host(chosen: argparse.Namespace) -> int:
    try:
        settings = Settings.load(known_elsewhere=ELSEWHERE)
        with own_data_folder(settings.data_dir):
            return _run(settings, kept_name(settings.data_dir, settings.host_name), chosen.environ)
    except Fatal as fatal:
        sys.stderr.write(f"airlock: {' '.join(str(fatal).split())}\n")
        return 1


def _run(settings: Settings, name: str, environ: Mapping[str, str]) -> int:
    identity = Identity(name, new_boot(), settings.install, settings.pool, version("airlock"))
    configure_logs(
        service=SERVICE,
        version=identity.version,
        level=settings.log_level,
        json=settings.log_format == "json",
    )
    configure_traces(
        service=SERVICE,
        version=identity.version,
        endpoint=settings.otlp_endpoint,
        ratio=settings.trace_ratio,
        per_second=settings.traces_per_second,
        host=name,
        headers=settings.collector_headers(),
    )
    configure_export(
        service=SERVICE,
        version=identity.version,
        endpoint=settings.otlp_endpoint,
        metrics_seconds=settings.otlp_metrics_seconds,
        host=name,
        headers=settings.collector_headers(),
    )
    try:
        return supervisor.run(lambda: serve(settings, identity, environ))
    finally:
        shutdown_telemetry()
