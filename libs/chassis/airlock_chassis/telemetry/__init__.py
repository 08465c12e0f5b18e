"""Logs, traces and metrics, the same in every Airlock process."""

from .logs import bind, bind_process, configure_logs, get_logger
from .metrics import CONTENT_TYPE, render_metrics
from .secrets import forget_secrets, register_secret
from .traces import (
    Kind,
    child_of,
    configure_traces,
    current_ids,
    extract,
    fail,
    inject,
    record,
    shutdown_traces,
    span,
    span_id,
    traceparent,
    use_provider,
)

__all__ = [
    "CONTENT_TYPE",
    "Kind",
    "bind",
    "bind_process",
    "child_of",
    "configure_logs",
    "configure_traces",
    "current_ids",
    "extract",
    "fail",
    "forget_secrets",
    "get_logger",
    "inject",
    "record",
    "register_secret",
    "render_metrics",
    "shutdown_traces",
    "span",
    "span_id",
    "traceparent",
    "use_provider",
]
