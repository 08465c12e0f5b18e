"""What the composed stack promises about each of its services, read from the file."""

import re
from importlib.metadata import version

import pytest
from airlock_agents.settings import Settings as HostSettings
from airlock_chassis.settings import ChassisSettings
from airlock_orchestration.settings import Settings as OrchestrationSettings
from composed import OURS, ROOT, SERVICES, STACK, of_profile

ONE_SHOT = ("volumes", "telemetry-volumes", "migrate")
CANNOT_BE_ASKED = ("otel-collector",)
"""Its image holds no program that could ask."""
_BASE = re.compile(r"^ARG ([A-Z]+_IMAGE)=(\S+)$", re.MULTILINE)
_PINNED = re.compile(r":v?[0-9]+\.[0-9]+\.[0-9]+(-[a-z-]+)?$|\bpostgres:[0-9]+\.[0-9]+(-[a-z]+)?$")
"""A version down to its patch; Postgres has two numbers since 10."""


def default_of(value: str) -> str:
    """What a variable of the file is unless it is set."""
    return value.partition(":-")[2].removesuffix("}")


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_locked_down_bounded_and_logs_little(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert set(service["logging"]["options"]) == {"max-size", "max-file"}
    assert {"cpus", "mem_limit", "pids_limit"} <= set(service)


@pytest.mark.parametrize("name", SERVICES)
def test_only_what_gives_volumes_away_is_root_and_that_sees_no_network(name: str) -> None:
    service = SERVICES[name]
    if name in ("volumes", "telemetry-volumes"):
        assert (service["user"], service["cap_add"], service["network_mode"]) == ("0:0", ["CHOWN"], "none")
    else:
        assert service["user"] == "${AIRLOCK_UID:-1001}:${AIRLOCK_GID:-1001}"
        assert "cap_add" not in service


@pytest.mark.parametrize("giver", ["volumes", "telemetry-volumes"])
def test_a_volume_stays_whose_it_was_made_and_not_its_image_s(giver: str) -> None:
    """Docker gives an empty volume to the owner of the image's folder, unless it is told to copy nothing."""
    given = {one.partition(":")[0] for one in SERVICES[giver]["volumes"]}
    mounted = [
        one
        for name, service in SERVICES.items()
        for one in service.get("volumes", ())
        if name not in ("volumes", "telemetry-volumes") and one.partition(":")[0] in given
    ]
    assert given == {one.partition(":")[0] for one in mounted}
    assert [one for one in mounted if not one.endswith(":nocopy")] == []


def test_only_agent_hosts_have_the_docker_socket() -> None:
    with_socket = [name for name, one in SERVICES.items() if "docker.sock" in str(one.get("volumes"))]
    assert with_socket == ["agent-host", "agent-host-dev"]


def test_only_orchestration_and_its_migration_see_postgres() -> None:
    on_store = {name for name, one in SERVICES.items() if "store" in one.get("networks", ())}
    assert on_store == {"postgres", "migrate", "orchestration", "orchestration-dev"}
    assert all(STACK["networks"][name] == {"internal": True} for name in ("store", "bus", "telemetry"))


def test_a_secret_is_a_file_and_reaches_only_who_needs_it() -> None:
    given = {name: sorted(one.get("secrets", ())) for name, one in SERVICES.items() if one.get("secrets")}
    assert given == {
        "postgres": ["postgres-password"],
        "nats": ["nats-passwords"],
        "migrate": ["database-url"],
        "orchestration": ["database-url", "nats-orchestration"],
        "orchestration-dev": ["database-url", "nats-orchestration"],
        "agent-host": ["nats-host"],
        "agent-host-dev": ["nats-host"],
        "grafana": ["grafana-password"],
    }
    for name in OURS:
        variables = SERVICES[name]["environment"]
        assert not {"AIRLOCK_DATABASE_URL", "AIRLOCK_NATS_PASSWORD", "AIRLOCK_HOST_TOKEN"} & set(variables)


def test_what_listens_on_this_machine_listens_on_its_loopback_unless_told_otherwise() -> None:
    published = [port for one in SERVICES.values() for port in one.get("ports", ())]
    assert len(published) == 5
    assert all(re.match(r"\$\{AIRLOCK_[A-Z]+_PUBLISH:-127\.0\.0\.1:", port) for port in published)


@pytest.mark.parametrize("name", [name for name in SERVICES if name not in ONE_SHOT])
def test_every_service_can_be_asked_for_its_health_or_says_why_not(name: str) -> None:
    own = name.startswith(("orchestration", "agent-host"))  # the image has its own check
    assert own or ("healthcheck" in SERVICES[name]) != (name in CANNOT_BE_ASKED)


def test_who_asks_by_http_asks_no_proxy_that_dockers_own_configuration_names() -> None:
    checks = {name: one.get("healthcheck", {}).get("test", ()) for name, one in SERVICES.items()}
    asked_by_wget = {name for name, check in checks.items() if {"wget", "/busybox/wget"} & set(check)}
    assert asked_by_wget == {"nats", "prometheus", "alertmanager", "grafana", "tempo", "loki"}
    for name in {*asked_by_wget, "otel-collector"}:
        assert SERVICES[name]["environment"].items() >= {"HTTP_PROXY": "", "http_proxy": ""}.items(), name


def test_nothing_waits_for_a_check_that_another_release_of_the_image_cannot_run() -> None:
    unsure = {name for name, one in SERVICES.items() if "/busybox/wget" in str(one.get("healthcheck"))}
    assert unsure == {"tempo", "loki"}
    waits = {(name, one) for name, service in SERVICES.items() for one in service.get("depends_on", ())}
    told = {SERVICES[name]["depends_on"][one]["condition"] for name, one in waits if one in unsure}
    assert told == {"service_started"}


def test_nothing_starts_before_what_it_stands_on() -> None:
    waits = {name: SERVICES[name].get("depends_on", {}) for name in of_profile("core")}
    done, healthy = {"condition": "service_completed_successfully"}, {"condition": "service_healthy"}
    assert waits == {
        "volumes": {},
        "postgres": {"volumes": done},
        "nats": {"volumes": done},
        "migrate": {"postgres": healthy},
        "orchestration": {"migrate": done, "nats": healthy},
        "agent-host": {"orchestration": healthy},
    }
    for profile in ("core", "dev", "observability"):
        here = of_profile(profile)
        assert all(set(one.get("depends_on", ())) <= set(here) for one in here.values())


def test_images_and_the_bases_of_ours_are_pinned_by_their_whole_version() -> None:
    named = {name: default_of(service["image"]) for name, service in SERVICES.items()}
    for name in ("orchestration", "agent-host"):
        assert named[name] == f"airlock-{name}:{version('airlock')}"
        arguments = SERVICES[name]["build"]["args"]
        named |= {f"{name} {one}": default_of(arguments[one]) for one in ("BASE_IMAGE", "BUILD_IMAGE")}
    dockerfile = (ROOT / "infra" / "docker" / "Dockerfile").read_text()
    named |= {f"Dockerfile {one}": image for one, image in _BASE.findall(dockerfile)}
    assert len(named) == len(SERVICES) + 6
    assert {name: image for name, image in named.items() if not _PINNED.search(image)} == {}
    assert len({image for name, image in named.items() if name.endswith("_IMAGE")}) == 1


@pytest.mark.parametrize(
    ("name", "settings", "left_out"),
    [
        ("orchestration", OrchestrationSettings, {"API_PORT_FILE"}),
        ("agent-host", HostSettings, set()),
    ],
)
def test_every_setting_of_a_process_can_be_set(
    name: str, settings: type[ChassisSettings], left_out: set[str]
) -> None:
    given = set(SERVICES[name]["environment"])
    told = "give each new setting a line in x-process-environment or the service's environment"
    known = set(settings.variables())
    wanted = {variable for variable in known if f"{variable}_FILE" not in known}  # not the secret, its file
    assert wanted - given == {f"AIRLOCK_{one}" for one in left_out | {"NATS_CREDENTIALS_FILE"}}, told
    ours = {variable for variable in given if variable.startswith("AIRLOCK_")}
    assert ours <= set(settings.variables())
    assert {variable.partition("_")[0] for variable in given - ours} == {"OTEL"}


def test_no_configuration_that_is_mounted_is_missing() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", ()):
            source = str(volume).partition(":")[0]
            if source.startswith(("./", "../")):
                assert (ROOT / "infra" / source).exists(), source
