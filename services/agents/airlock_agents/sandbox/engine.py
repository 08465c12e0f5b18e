"""Which Docker Engine this machine means, and whether it can be used.

The order is the `docker` command's: DOCKER_HOST, DOCKER_CONTEXT, the current context, then the sockets that
Docker Engine, rootless Docker, Docker Desktop, Colima and OrbStack are known to make. The Docker SDK reads
no contexts, so they are resolved here (https://docs.docker.com/engine/manage-resources/contexts/).
"""

import errno
import hashlib
import json
import shutil
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import docker
import requests
from docker.tls import TLSConfig

OLDEST_API = (1, 41)
"""Docker Engine 20.10: the oldest that Airlock is tested with."""
CONNECT_SECONDS = 1.0
ANSWER_SECONDS = 2.5
_MAX_CONFIG_BYTES = 1024 * 1024


class EngineProblemKind(StrEnum):
    """Why there is no engine to use; each has its exit code."""

    MISSING = "missing"
    STOPPED = "stopped"
    PERMISSION_DENIED = "permission denied"
    UNREACHABLE = "unreachable"
    TOO_OLD = "too old"

    @property
    def exit_code(self) -> int:
        """What `python -m airlock_agents engine` exits with."""
        return 3 + list(EngineProblemKind).index(self)


class EngineProblem(Exception):
    """No Docker Engine can be used: what is wrong, and what to do about it."""

    def __init__(self, kind: EngineProblemKind, message: str, fix: str) -> None:
        super().__init__(f"Docker Engine {kind}: {message}. {fix}")
        self.kind = kind
        self.fix = fix


@dataclass(frozen=True)
class TlsFiles:
    """Certificates for an engine spoken to over TCP."""

    ca: Path | None
    cert: Path | None
    key: Path | None
    verify: bool


@dataclass(frozen=True)
class EngineAddress:
    """Where an engine is said to be."""

    host: str
    """`unix:///path`, `tcp://host:port`, `ssh://...`."""
    said_by: str
    """Where the address comes from, for people."""
    tls: TlsFiles | None = None

    @property
    def socket_path(self) -> Path | None:
        """The unix socket, where it is one."""
        return Path(self.host.removeprefix("unix://")) if self.host.startswith("unix://") else None


@dataclass(frozen=True)
class Engine:
    """An engine that answered."""

    address: EngineAddress
    version: str
    api_version: str
    architecture: str
    processors: int
    """How many it may use: a container that asks for more is refused."""
    root: Path | None = None
    """Where it keeps images and containers; None for one that is reached over a network."""


def find_engine(environ: Mapping[str, str], home: Path) -> Engine:
    """Find the engine that this environment means and ask what it is, in under 7 s.

    Raises EngineProblem.
    """
    configured = _configured_address(environ, home)
    if configured is not None:
        return probe(configured)
    problems = []
    for address in _known_sockets(environ, home):
        path = address.socket_path
        if path is None or not _exists(path):
            continue
        try:
            return probe(address)
        except EngineProblem as problem:
            problems.append(problem)
    if problems:
        raise problems[0]
    installed = next((name for name in ("dockerd", "colima", "orb") if shutil.which(name)), None)
    if installed is None and Path("/Applications/Docker.app").exists():
        installed = "Docker Desktop"
    if installed:
        raise EngineProblem(
            EngineProblemKind.STOPPED, f"{installed} is installed and no engine runs", _START_FIX
        )
    raise EngineProblem(
        EngineProblemKind.MISSING,
        "no engine is installed on this machine",
        "Install one (Debian, Ubuntu: apt-get install docker.io; else https://docs.docker.com/engine/install/),"
        " or set DOCKER_HOST.",
    )


def connect(engine: Engine, *, timeout: float = 60.0, pool_size: int = 16) -> docker.APIClient:
    """Open a Docker SDK client to a found engine; every call of it has this deadline, in seconds."""
    return _client(engine.address, engine.api_version, timeout, pool_size)


def probe(address: EngineAddress) -> Engine:
    """Ask the engine at one address what it is. Raises EngineProblem."""
    scheme = address.host.partition("://")[0]
    if scheme == "unix":
        _probe_socket(address)
    elif scheme == "ssh":
        raise EngineProblem(
            EngineProblemKind.UNREACHABLE,
            f"{address.host} (from {address.said_by}) is spoken to over ssh, which Airlock does not do",
            "Forward its socket: ssh -L /tmp/docker.sock:/var/run/docker.sock HOST, "
            "and set DOCKER_HOST=unix:///tmp/docker.sock.",
        )
    elif scheme != "tcp":
        raise EngineProblem(
            EngineProblemKind.UNREACHABLE,
            f"{address.host} (from {address.said_by}) is no unix:// or tcp:// address",
            "Correct it.",
        )
    try:
        client = _client(address, _UNASKED, ANSWER_SECONDS, 1)
        try:
            found: dict[str, Any] = client.version(api_version=False)
            _refuse_older(address, found)
            info: dict[str, Any] = client.info()
        finally:
            client.close()
    except (docker.errors.DockerException, requests.exceptions.RequestException, OSError) as error:
        raise _no_answer(address, error) from error
    return Engine(
        address=address,
        version=str(found.get("Version", "unknown")),
        api_version=str(found["ApiVersion"]),
        architecture=str(found.get("Arch", "")),
        processors=int(info.get("NCPU") or 1),
        root=_root(address, info),
    )


def _root(address: EngineAddress, info: Mapping[str, Any]) -> Path | None:
    named = info.get("DockerRootDir")
    return Path(named) if address.socket_path and isinstance(named, str) and named else None


def _refuse_older(address: EngineAddress, found: Mapping[str, Any]) -> None:
    api = str(found.get("ApiVersion", "0"))
    if _numbers(api) < OLDEST_API:
        raise EngineProblem(
            EngineProblemKind.TOO_OLD,
            f"{address.host} is version {found.get('Version')} (API {api})",
            "Airlock needs Docker Engine 20.10 (API 1.41) or newer: upgrade it.",
        )


_UNASKED = "1.41"
"""A version for a client that only asks for versions, at an address without one in it."""
_START_FIX = (
    "Start it: systemctl start docker (as root), dockerd, or open Docker Desktop; or set DOCKER_HOST."
)


def _client(address: EngineAddress, version: str, timeout: float, pool_size: int) -> docker.APIClient:
    tls: TLSConfig | bool = False
    if address.tls is not None:
        pair = address.tls.cert, address.tls.key
        tls = TLSConfig(
            client_cert=(str(pair[0]), str(pair[1])) if pair[0] and pair[1] else None,
            ca_cert=str(address.tls.ca) if address.tls.ca else None,
            verify=address.tls.verify,
        )
    # The SDK's type says int; requests takes any number of seconds.
    client = docker.APIClient(
        base_url=address.host,
        version=version,
        timeout=timeout,  # type: ignore[arg-type]
        tls=tls,
        max_pool_size=pool_size,
    )
    # Else a REQUESTS_CA_BUNDLE in the environment would take the place of the engine's own certificates.
    client.trust_env = False
    return client


def _probe_socket(address: EngineAddress) -> None:
    path = address.socket_path
    try:
        with socket.socket(socket.AF_UNIX) as probing:
            probing.settimeout(CONNECT_SECONDS)
            probing.connect(str(path))
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM):
            raise EngineProblem(
                EngineProblemKind.PERMISSION_DENIED,
                f"this user may not open {path}",
                'Join the group that owns it: sudo usermod -aG docker "$USER", then log in again.',
            ) from error
        raise EngineProblem(
            EngineProblemKind.STOPPED,
            f"nothing answers at {path} (from {address.said_by}): {error.strerror or error}",
            _START_FIX,
        ) from error


def _no_answer(address: EngineAddress, error: Exception) -> EngineProblem:
    if address.socket_path is not None:
        return EngineProblem(
            EngineProblemKind.STOPPED,
            f"{address.socket_path} accepts a connection and does not answer: {_brief(error)}",
            "Look at its log, restart it.",
        )
    return EngineProblem(
        EngineProblemKind.UNREACHABLE,
        f"{address.host} (from {address.said_by}) does not answer: {_brief(error)}",
        "Check the address, the network and the certificates, or choose another: docker context use default.",
    )


def _brief(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except PermissionError:
        return True


def _configured_address(environ: Mapping[str, str], home: Path) -> EngineAddress | None:
    if host := environ.get("DOCKER_HOST"):
        return EngineAddress(host=host, said_by="DOCKER_HOST", tls=_tls_of_environment(environ, home, host))
    folder = Path(environ.get("DOCKER_CONFIG") or home / ".docker")
    said_by, name = "DOCKER_CONTEXT", environ.get("DOCKER_CONTEXT")
    if not name:
        said_by, name = "the current docker context", _read_json(folder / "config.json").get("currentContext")
    if not isinstance(name, str) or name in ("", "default"):
        return None
    digest = hashlib.sha256(name.encode()).hexdigest()
    meta = _read_json(folder / "contexts" / "meta" / digest / "meta.json")
    endpoints = meta.get("Endpoints")
    endpoint = endpoints.get("docker") if isinstance(endpoints, dict) else None
    host = endpoint.get("Host") if isinstance(endpoint, dict) else None
    if not isinstance(endpoint, dict) or not isinstance(host, str) or not host:
        raise EngineProblem(
            EngineProblemKind.UNREACHABLE,
            f"the docker context {name!r} (from {said_by}) does not exist or names no host",
            "List them: docker context ls; choose one: docker context use default.",
        )
    material = folder / "contexts" / "tls" / digest / "docker"
    verify = not endpoint.get("SkipTLSVerify", False)
    tls = _tls_of_folder(material, verify=verify) if _exists(material) or not verify else None
    return EngineAddress(host=host, said_by=f"the docker context {name!r}", tls=tls)


def _tls_of_environment(environ: Mapping[str, str], home: Path, host: str) -> TlsFiles | None:
    verify = bool(environ.get("DOCKER_TLS_VERIFY"))
    folder = environ.get("DOCKER_CERT_PATH")
    if not host.startswith("tcp://") or not (verify or folder):
        return None
    return _tls_of_folder(Path(folder or home / ".docker"), verify=verify)


def _tls_of_folder(folder: Path, *, verify: bool) -> TlsFiles:
    ca, cert, key = (folder / name for name in ("ca.pem", "cert.pem", "key.pem"))
    return TlsFiles(
        ca=ca if _exists(ca) else None,
        cert=cert if _exists(cert) else None,
        key=key if _exists(key) else None,
        verify=verify,
    )


def _known_sockets(environ: Mapping[str, str], home: Path) -> list[EngineAddress]:
    paths = [Path("/var/run/docker.sock")]
    if runtime := environ.get("XDG_RUNTIME_DIR"):
        paths.append(Path(runtime) / "docker.sock")
    paths += [
        home / ".docker/run/docker.sock",
        home / ".docker/desktop/docker.sock",
        home / ".colima/default/docker.sock",
        home / ".colima/docker.sock",
        home / ".orbstack/run/docker.sock",
    ]
    return [EngineAddress(host=f"unix://{path}", said_by="the default socket") for path in paths]


def _read_json(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(_MAX_CONFIG_BYTES))
    except (OSError, ValueError):
        # No file, or one that the docker command could not read either: nothing is configured here.
        return {}
    return found if isinstance(found, dict) else {}
