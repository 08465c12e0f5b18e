"""Collector, Tempo, Loki and Grafana cannot run here: each key we give them is known, and they agree."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from airlock_agents.host import fields
from airlock_agents.sandbox import spans
from airlock_chassis.telemetry.otlp.collector import MAX_REQUEST_BYTES
from airlock_contracts import logs
from dashboard_files import GRAFANA, SOURCES
from known_keys import COLLECTOR, LOKI, PROVIDERS, TEMPO, Known, unknown_keys
from known_keys import SOURCES as SOURCE_KEYS

ROOT = Path(__file__).parents[3]
OBSERVABILITY = ROOT / "observability"
FILES: dict[Path, Known] = {
    OBSERVABILITY / "collector" / "config.yaml": COLLECTOR,
    OBSERVABILITY / "tempo" / "tempo.yaml": TEMPO,
    OBSERVABILITY / "loki" / "loki.yaml": LOKI,
    SOURCES: SOURCE_KEYS,
    GRAFANA / "provisioning" / "dashboards" / "airlock.yaml": PROVIDERS,
}
COLLECTOR_FILE, TEMPO_FILE, LOKI_FILE, *_ = FILES
MIB = 1024 * 1024
AROUND = 4 * 1024
"""What is in a span or a line beside an agent's own words: ids, times, names of ours."""
LARGEST_SPAN = (
    AROUND
    + 4 * spans.MAX_NAME_CHARACTERS
    + 4 * spans.MAX_ATTRIBUTES * (spans.MAX_KEY_CHARACTERS + spans.MAX_VALUE_CHARACTERS)
)
LARGEST_LINE = AROUND + 4 * logs.MAX_LINE_CHARACTERS + logs.MAX_FIELDS_BYTES
"""Bytes; a character is up to four."""


class Once(yaml.SafeLoader):
    """YAML that takes no key twice: the second would silently win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        assert len(keys) == len(set(keys)), f"twice: {keys}"
        return super().construct_mapping(node, deep)


def read(path: Path) -> Any:
    return yaml.load(path.read_text(encoding="utf-8"), Once)


def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "infra" / "compose.yaml").read_text("utf-8"))["services"]
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_every_key_is_known_and_its_value_is_of_its_type(path: Path) -> None:
    assert unknown_keys(read(path), FILES[path]) == []


def test_a_key_that_nobody_knows_and_a_value_of_another_type_are_found() -> None:
    known: Known = {"a.b": int, "c[].d": str, "e/<name>.f": bool}
    assert unknown_keys({"a": {"b": 1}, "c": [{"d": "x"}], "e/one": {"f": True}}, known) == []
    assert unknown_keys({"a": {"b": "1"}}, known) == ["a.b is '1'"]
    assert unknown_keys({"a": {"b": True}}, known) == ["a.b is True"]
    assert unknown_keys({"a": {"b": None}}, known) == ["a.b is None"]
    assert unknown_keys({"a": {"bb": 1}}, known) == ["no key a.bb"]
    assert unknown_keys({"a": {"b": 1.0}}, {"a.b": (int, type(None))}) == ["a.b is 1.0"]
    assert unknown_keys({"a": {"b": True}}, {"a.b": (int, type(None))}) == ["a.b is True"]
    words: Known = {"a": frozenset({"on", 1})}
    assert unknown_keys({"a": "on"}, words) == unknown_keys({"a": 1}, words) == []
    assert [unknown_keys({"a": value}, words) for value in ("off", True, None)] == [
        ["a is 'off'"],
        ["a is True"],
        ["a is None"],
    ]
    assert unknown_keys({"c": {"d": "x"}, "e/": {"f": True}}, known) == ["no key c.d", "no key e/.f"]


def test_every_part_of_the_collector_is_used_and_every_part_used_is_there() -> None:
    config = read(COLLECTOR_FILE)
    for kind in ("receivers", "processors", "exporters"):
        used = {name for pipeline in config["service"]["pipelines"].values() for name in pipeline[kind]}
        assert used == set(config[kind]), kind
    assert set(config["service"]["extensions"]) == set(config["extensions"])
    for pipeline in config["service"]["pipelines"].values():
        assert pipeline["processors"][0] == "memory_limiter"


def test_the_collector_ends_within_its_memory_and_its_queues_are_bounded() -> None:
    config = read(COLLECTOR_FILE)
    limit = config["processors"]["memory_limiter"]
    allowed = int(re.fullmatch(r"(\d+)m", services()["otel-collector"]["mem_limit"])[1])  # type: ignore[index]
    assert limit["spike_limit_mib"] < limit["limit_mib"] < allowed
    for name, exporter in config["exporters"].items():
        if name != "nop":
            assert 0 < exporter["sending_queue"]["queue_size"] <= 1000
            assert exporter["retry_on_failure"]["max_elapsed_time"] != "0s"  # which would be for ever


def test_the_collector_takes_what_a_process_may_send_at_once() -> None:
    taken = read(COLLECTOR_FILE)["receivers"]["otlp"]["protocols"]
    assert taken["http"]["max_request_body_size"] >= MAX_REQUEST_BYTES
    assert taken["grpc"]["max_recv_msg_size_mib"] * MIB >= MAX_REQUEST_BYTES


def test_a_batch_of_the_largest_that_agents_can_say_is_refused_by_nobody() -> None:
    """A batch is refused as a whole: one agent would throw away what others said."""
    batches = read(COLLECTOR_FILE)["processors"]
    assert all(
        one["send_batch_size"] == one["send_batch_max_size"]
        for name, one in batches.items()
        if name.startswith("batch/")
    )
    tempo, largest = read(TEMPO_FILE), batches["batch/spans"]["send_batch_max_size"] * LARGEST_SPAN
    assert (
        largest
        < tempo["distributor"]["receivers"]["otlp"]["protocols"]["grpc"]["max_recv_msg_size_mib"] * MIB
    )
    assert largest < tempo["server"]["grpc_server_max_recv_msg_size"]
    assert largest < tempo["overrides"]["defaults"]["ingestion"]["burst_size_bytes"]
    loki, largest = read(LOKI_FILE), batches["batch/lines"]["send_batch_max_size"] * LARGEST_LINE
    limits = loki["limits_config"]
    assert largest < loki["server"]["grpc_server_max_recv_msg_size"]
    assert largest < limits["ingestion_burst_size_mb"] * MIB
    assert largest < int(limits["per_stream_rate_limit_burst"].removesuffix("MB")) * MIB


def test_a_line_of_the_most_fields_is_refused_by_nobody() -> None:
    limits = read(LOKI_FILE)["limits_config"]
    assert fields.MAX_NAMES < limits["max_structured_metadata_entries_count"] / 2
    assert LARGEST_LINE < int(limits["max_line_size"].removesuffix("KB")) * 1024
    assert (
        logs.MAX_FIELDS_BYTES + AROUND < int(limits["max_structured_metadata_size"].removesuffix("KB")) * 1024
    )


def test_whoever_is_spoken_to_listens_there() -> None:
    """Names are those of compose; ports those of each one's own configuration."""
    collector, tempo, loki = read(COLLECTOR_FILE), read(TEMPO_FILE), read(LOKI_FILE)
    taken = tempo["distributor"]["receivers"]["otlp"]["protocols"]["grpc"]["endpoint"]
    assert collector["exporters"]["otlp/tempo"]["endpoint"] == f"tempo:{taken.rpartition(':')[2]}"
    port = loki["server"]["http_listen_port"]
    assert collector["exporters"]["otlphttp/loki"]["endpoint"] == f"http://loki:{port}/otlp"
    listens = {
        "tempo": tempo["server"]["http_listen_port"],
        "loki": port,
        "prometheus": 9090,
        "alertmanager": 9093,
    }
    for source in read(SOURCES)["datasources"]:
        address = urlsplit(source["url"])
        assert address.hostname in services()
        assert address.port == listens[str(address.hostname)]


def test_what_compose_mounts_is_there_and_is_where_each_looks() -> None:
    for name, path in (("otel-collector", COLLECTOR_FILE), ("tempo", TEMPO_FILE), ("loki", LOKI_FILE)):
        service = services()[name]
        (mounted,) = (one for one in service["volumes"] if one.startswith("../"))
        source, target, mode = mounted.split(":")
        assert (ROOT / "infra" / source).resolve() == path
        assert mode == "ro"
        assert any(part.endswith(f"={target}") for part in service["command"])
    grafana = {one.split(":")[1]: one.split(":")[0] for one in services()["grafana"]["volumes"]}
    path = read(GRAFANA / "provisioning" / "dashboards" / "airlock.yaml")["providers"][0]["options"]["path"]
    assert (ROOT / "infra" / grafana[path]).resolve() == GRAFANA / "dashboards"
    for folder in ("dashboards", "datasources"):
        mounted = ROOT / "infra" / grafana[f"/etc/grafana/provisioning/{folder}"]
        assert mounted.resolve() == GRAFANA / "provisioning" / folder


def test_what_is_written_lies_on_the_volume_of_its_own() -> None:
    volumes = {
        name: [one.split(":")[1] for one in services()[name]["volumes"] if not one.startswith("../")]
        for name in ("tempo", "loki")
    }
    for name, path in (("tempo", TEMPO_FILE), ("loki", LOKI_FILE)):
        written = re.findall(r"(?:path|directory|path_prefix): (/\S+)", path.read_text(encoding="utf-8"))
        assert written
        assert all(any(f"{one}/".startswith(f"{there}/") for there in volumes[name]) for one in written)


def test_the_versions_that_were_looked_up_are_those_that_compose_runs() -> None:
    looked_up = {"otel-collector": "0.131", "tempo": "2.8", "loki": "3.5", "grafana": "12.1"}
    for name, version in looked_up.items():
        assert f":{version}." in services()[name]["image"], name
