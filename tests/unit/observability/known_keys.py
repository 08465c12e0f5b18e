"""The keys that we use in configurations of programs that cannot run here, with types and whence known.

Not those programs' schemas: each key was looked up in the program's own documentation or source, which is
named beside it. What could be read was not the very tag that the compose file names, but a state from about
its time, or a page before or after it that has the key as well; none of these programs was run. A key that is
not here is an error, so whoever adds one looks it up too.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Known = Mapping[str, type | tuple[type, ...] | frozenset[str | int]]
"""Types, or the values that are allowed, by dotted path. `[]` is an item of a list, `<name>` any name."""

COLLECTOR: Known = {
    # READMEs: configgrpc, confighttp, configtls, memorylimiterprocessor, batchprocessor, nopexporter,
    # healthcheckextension
    "receivers.otlp.protocols.grpc.endpoint": str,
    "receivers.otlp.protocols.grpc.max_recv_msg_size_mib": int,
    "receivers.otlp.protocols.http.endpoint": str,
    "receivers.otlp.protocols.http.max_request_body_size": int,
    "processors.memory_limiter.check_interval": str,
    "processors.memory_limiter.limit_mib": int,
    "processors.memory_limiter.spike_limit_mib": int,
    "processors.batch/<name>.timeout": str,
    "processors.batch/<name>.send_batch_size": int,
    "processors.batch/<name>.send_batch_max_size": int,
    "exporters.otlp/<name>.endpoint": str,
    "exporters.otlp/<name>.tls.insecure": bool,
    "exporters.otlp/<name>.timeout": str,
    "exporters.otlphttp/<name>.endpoint": str,
    "exporters.otlphttp/<name>.timeout": str,
    # README: exporterhelper, the same for both
    **{
        f"exporters.{kind}/<name>.{key}": value
        for kind in ("otlp", "otlphttp")
        for key, value in {
            "sending_queue.enabled": bool,
            "sending_queue.num_consumers": int,
            "sending_queue.queue_size": int,
            "retry_on_failure.enabled": bool,
            "retry_on_failure.initial_interval": str,
            "retry_on_failure.max_interval": str,
            "retry_on_failure.max_elapsed_time": str,
        }.items()
    },
    "exporters.nop": dict,
    "extensions.health_check.endpoint": str,
    "service.extensions[]": str,
    "service.pipelines.<name>.receivers[]": str,
    "service.pipelines.<name>.processors[]": str,
    "service.pipelines.<name>.exporters[]": str,
    # Source: service/telemetry, structs of schema 0.3.0; the form of a reader: "Internal telemetry"
    "service.telemetry.logs.level": str,
    "service.telemetry.logs.encoding": str,
    "service.telemetry.metrics.level": str,
    "service.telemetry.metrics.readers[].pull.exporter.prometheus.host": str,
    "service.telemetry.metrics.readers[].pull.exporter.prometheus.port": int,
}

TEMPO: Known = {
    # Source: cmd/tempo/app/config.go, of before 3.0, for the first words; below them "Manifest" and
    # "Configure Tempo"; how large a message may be: "Response larger than the max"
    "stream_over_http_enabled": bool,
    "server.http_listen_port": int,
    "server.grpc_server_max_recv_msg_size": int,
    "server.grpc_server_max_send_msg_size": int,
    "server.log_level": str,
    "server.log_format": str,
    "distributor.receivers.otlp.protocols.grpc.endpoint": str,
    "distributor.receivers.otlp.protocols.grpc.max_recv_msg_size_mib": int,
    "query_frontend.search.max_duration": str,
    "ingester.max_block_duration": str,
    "compactor.compaction.block_retention": str,
    "storage.trace.backend": str,
    "storage.trace.wal.path": str,
    "storage.trace.local.path": str,
    # "Manifest": the scoped form, since 2.3
    "overrides.defaults.ingestion.rate_limit_bytes": int,
    "overrides.defaults.ingestion.burst_size_bytes": int,
    "overrides.defaults.ingestion.max_traces_per_user": int,
    "overrides.defaults.global.max_bytes_per_trace": int,
    "usage_report.reporting_enabled": bool,
}

LOKI: Known = {
    # cmd/loki/loki-local-config.yaml; source: pkg/loki/common, pkg/validation/limits.go, pkg/loghttp/push
    "auth_enabled": bool,
    "server.http_listen_port": int,
    "server.grpc_listen_port": int,
    "server.grpc_server_max_recv_msg_size": int,
    "server.grpc_server_max_send_msg_size": int,
    "server.log_level": str,
    "server.log_format": str,
    "common.instance_addr": str,
    "common.path_prefix": str,
    "common.replication_factor": int,
    "common.ring.kvstore.store": str,
    "common.storage.filesystem.chunks_directory": str,
    "common.storage.filesystem.rules_directory": str,
    "schema_config.configs[].from": object,  # YAML reads a date
    "schema_config.configs[].store": str,
    "schema_config.configs[].object_store": str,
    "schema_config.configs[].schema": str,
    "schema_config.configs[].index.prefix": str,
    "schema_config.configs[].index.period": str,
    # "Log retention"
    "compactor.working_directory": str,
    "compactor.retention_enabled": bool,
    "compactor.delete_request_store": str,
    "limits_config.retention_period": str,
    "limits_config.allow_structured_metadata": bool,
    "limits_config.max_line_size": str,
    "limits_config.max_structured_metadata_size": str,
    "limits_config.max_structured_metadata_entries_count": int,
    "limits_config.per_stream_rate_limit": str,
    "limits_config.per_stream_rate_limit_burst": str,
    "limits_config.ingestion_rate_mb": int,
    "limits_config.ingestion_burst_size_mb": int,
    "limits_config.max_global_streams_per_user": int,
    "limits_config.max_query_length": str,
    # "Ingesting logs to Loki using OpenTelemetry Collector"
    "limits_config.otlp_config.resource_attributes.ignore_defaults": bool,
    "limits_config.otlp_config.resource_attributes.attributes_config[].action": str,
    "limits_config.otlp_config.resource_attributes.attributes_config[].attributes[]": str,
    "analytics.reporting_enabled": bool,
}

_JSON = "datasources[].jsonData"
SOURCES: Known = {
    # "Provision Grafana" and each data source's page; `matcherType` only in source: loki/getDerivedFields.ts
    "apiVersion": int,
    "prune": bool,
    **{f"datasources[].{key}": str for key in ("name", "uid", "type", "access", "url")},
    **{f"datasources[].{key}": bool for key in ("isDefault", "editable")},
    f"{_JSON}.httpMethod": str,
    f"{_JSON}.prometheusType": str,
    f"{_JSON}.timeInterval": str,
    f"{_JSON}.maxLines": int,
    **{
        f"{_JSON}.derivedFields[].{key}": str
        for key in ("name", "matcherType", "matcherRegex", "url", "datasourceUid", "urlDisplayLabel")
    },
    **{
        f"{_JSON}.{of}.{key}": str
        for of in ("tracesToLogsV2", "tracesToMetrics")
        for key in ("datasourceUid", "spanStartTimeShift", "spanEndTimeShift")
    },
    f"{_JSON}.tracesToLogsV2.customQuery": bool,
    f"{_JSON}.tracesToLogsV2.query": str,
    f"{_JSON}.tracesToMetrics.tags[].key": str,
    f"{_JSON}.tracesToMetrics.tags[].value": str,
    f"{_JSON}.tracesToMetrics.queries[].name": str,
    f"{_JSON}.tracesToMetrics.queries[].query": str,
    f"{_JSON}.nodeGraph.enabled": bool,
    f"{_JSON}.implementation": str,
    f"{_JSON}.handleGrafanaManagedAlerts": bool,
}

PROVIDERS: Known = {
    # "Provision Grafana", Dashboards
    "apiVersion": int,
    "providers[].name": str,
    "providers[].orgId": int,
    "providers[].folder": str,
    "providers[].type": str,
    "providers[].disableDeletion": bool,
    "providers[].updateIntervalSeconds": int,
    "providers[].allowUiUpdates": bool,
    "providers[].options.path": str,
}


def unknown_keys(config: object, known: Known) -> list[str]:
    """What of a configuration is not known, or is of another type; a sentence each."""
    return [problem for path, value in _leaves(config, "") for problem in _problems(path, value, known)]


def _problems(path: str, value: object, known: Known) -> Iterator[str]:
    expected = known.get(path, next((known[one] for one in known if _fits(path, one)), None))
    if expected is None:
        yield f"no key {path}"
    elif not _allows(expected, value):
        yield f"{path} is {value!r}"


def _allows(expected: type | tuple[type, ...] | frozenset[str | int], value: object) -> bool:
    """To Python a bool is a number; to no schema is it one."""
    if isinstance(expected, frozenset):
        return any(type(one) is type(value) and one == value for one in expected)
    kinds = expected if isinstance(expected, tuple) else (expected,)
    return isinstance(value, kinds) and (not isinstance(value, bool) or bool in kinds or object in kinds)


def _fits(path: str, known: str) -> bool:
    given, there = path.split("."), known.split(".")
    return len(given) == len(there) and all(map(_part_fits, given, there))


def _part_fits(part: str, known: str) -> bool:
    before, name, _ = known.partition("<name>")
    return part.startswith(before) and len(part) > len(before) if name else part == known


def _leaves(value: Any, path: str) -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, Sequence) and not isinstance(value, str) and value:
        for inner in value:
            yield from _leaves(inner, f"{path}[]")
    else:
        yield path, value
