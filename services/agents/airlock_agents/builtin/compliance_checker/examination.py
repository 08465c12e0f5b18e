"""Looks at one file with every check that applies to it, in the child process for hostile files."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from ..findings.files import Source, read_text, split_lines
from ..findings.finding import anchor, printable
from ..findings.others import is_others
from ..findings.silencing import Silencing
from .ci import github, gitlab, jenkins
from .containers import compose, dockerfile, kubernetes
from .facts import Breach, Examined, LicenceText, Said, TextFile
from .files.unwanted import conflict
from .headers import nginx, pages, python_settings, servers
from .licences import dependencies, headers, manifests, texts
from .policy import Policy
from .rules.rule import Kind, Scope
from .yaml_nodes import Node, NotReadable, read_documents

_JAVASCRIPT = (".js", ".mjs", ".cjs", ".ts", ".tsx", ".jsx")
_OTHER_PROGRAMS = (".php", ".rb", ".go", ".java", ".kt", ".cs", ".rs", ".ex")
_UNREADABLE = "{reason}: it is held to no rule"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the checks need to know of the caller's wishes."""

    scopes: frozenset[Scope]
    policy: Policy
    public: bool = False  # the repository is open to everybody


class Secrets(Protocol):
    """Looks for secrets: in a file that is read, and in one that is not."""

    def __call__(self, file: TextFile) -> list[Breach]: ...

    def in_blocks(self, place: Path, source: Source) -> tuple[list[Breach], str | None]: ...


class Examiner:
    """Looks at files of one workspace; `secrets` is the detectors, where that scope is asked for."""

    def __init__(self, root: Path, wanted: Wanted, secrets: Secrets | None) -> None:
        # What tools and parsers would print quotes the files, and a log is no place for secrets.
        logging.getLogger().addHandler(logging.NullHandler())
        warnings.simplefilter("ignore")
        self._root = root
        self._wanted = wanted
        self._secrets = secrets
        self._min_days: int = wanted.policy.option("headers.hsts-weak", "min_days")
        self._trusted = tuple(one.lower() for one in wanted.policy.option("ci.action-unpinned", "trusted"))

    def examine(self, source: Source) -> Examined:
        """Look at a file; one that a check cannot take is an answer too, never an exception."""
        if source.skipped is not None:
            return self._in_blocks(source)
        text = read_text(self._root / source.path)
        lines = text.split("\n") if _is_lock(source.path) else split_lines(text)
        file = TextFile(source.path, tuple(lines), text)
        said: list[Said] = []
        kinds: list[Kind] = ["text"]
        trouble: list[str] = []
        for kind, check in self._checks(file):
            try:
                found = list(check())
            except NotReadable as problem:
                trouble.append(str(problem))
                if is_held_to_rules(file.path):
                    reason = _UNREADABLE.format(reason=problem)
                    said.append(Breach("files.unreadable", 1, f"{file.name}: {reason}."))
                continue
            except MemoryError:  # this process is spent: the next one goes on
                raise
            except (
                Exception
            ) as error:  # the edge to parsers of hostile text: the file is named as not looked at
                trouble.append(f"not a valid {kind} ({type(error).__name__})")
                continue
            said += found
            if kind not in kinds and (found or kind != "web application"):
                kinds.append(kind)
        if self._secrets is not None and _is_lock(file.path):
            # Too large to be read by structure, and no name of a file is a reason to look away from it.
            found_there, cut = self._secrets.in_blocks(self._root / source.path, source)
            said += found_there
            trouble += [cut] if cut else []
        return self._examined(file, tuple(kinds), said, "; ".join(dict.fromkeys(trouble)) or None)

    def plain_looks(self) -> dict[str, Callable[[Source], Examined]]:
        """Answer ways to look at a file that the checks did not survive, by what they look for."""
        return {"secrets": self._plain_secrets} if self._secrets is not None else {}

    def _in_blocks(self, source: Source) -> Examined:
        """Search for secrets what is left out otherwise: no padding and no disguise hides them."""
        if self._secrets is None:
            return Examined(printable(source.path), (), source.skipped, seen=False, path=source.path)
        found, cut = self._secrets.in_blocks(self._root / source.path, source)
        said = "; ".join(filter(None, (f"{source.skipped}: searched for secrets only", cut)))
        return Examined(
            printable(source.path),
            (),
            said,
            seen=False,
            path=source.path,
            kinds=() if source.binary else ("text",),
            said=tuple(found),
            anchors=tuple(one.anchor for one in found),
        )

    def _plain_secrets(self, source: Source) -> Examined:
        if self._secrets is None or source.skipped is not None:
            return self._in_blocks(source)
        # In blocks, where the clock is asked before each line: what time is left for is found and told.
        found, cut = self._secrets.in_blocks(self._root / source.path, source)
        text = read_text(self._root / source.path)
        file = TextFile(source.path, tuple(split_lines(text)), text)
        return self._examined(file, ("text",), list(found), cut)

    def _examined(
        self, file: TextFile, kinds: tuple[Kind, ...], said: list[Said], trouble: str | None
    ) -> Examined:
        if not any(isinstance(one, Breach) for one in said):
            return Examined(printable(file.path), (), trouble, path=file.path, kinds=kinds, said=tuple(said))
        silencing = Silencing(file.lines)
        marked = tuple(_marked(one, silencing) if isinstance(one, Breach) else one for one in said)
        anchors = tuple(_anchor(one, file) for one in marked if isinstance(one, Breach))
        return Examined(
            printable(file.path), (), trouble, path=file.path, kinds=kinds, said=marked, anchors=anchors
        )

    def _checks(self, file: TextFile) -> Iterator[tuple[Kind, Callable[[], Iterator[Said]]]]:
        scopes = self._wanted.scopes
        if self._secrets is not None and not _is_lock(file.path):
            secrets = self._secrets
            yield "text", lambda: iter(secrets(file))
        if "files" in scopes:
            yield "text", lambda: conflict(file)
        yield from self._licence_checks(file)
        if "containers" in scopes and dockerfile.is_dockerfile(file.path):
            yield "Dockerfile", lambda: dockerfile.check_dockerfile(file)
        if "ci" in scopes and jenkins.is_jenkinsfile(file.path):
            yield "Jenkinsfile", lambda: jenkins.check_jenkinsfile(file)
        if "headers" in scopes:
            yield from self._header_checks(file)
        if file.path.lower().endswith((".yml", ".yaml")) and scopes & {"containers", "ci"}:
            yield from self._yaml_checks(file)

    def _licence_checks(self, file: TextFile) -> Iterator[tuple[Kind, Callable[[], Iterator[Said]]]]:
        if not self._wanted.scopes & {"licences", "files"}:
            return
        foreign = is_others(file.path)
        if dependencies.declares_dependencies(file.path):
            yield "dependency", lambda: dependencies.read_dependencies(file)
        elif texts.is_licence_text(file.path) and not foreign:
            yield "licence text", lambda: iter([LicenceText(texts.recognise(file.text))])
        elif manifests.is_manifest(file.name) and not foreign:
            yield "manifest", lambda: manifests.read_manifest(file)
        elif headers.is_source(file.path) and not foreign:
            yield "source", lambda: headers.read_header(file)

    def _header_checks(self, file: TextFile) -> Iterator[tuple[Kind, Callable[[], Iterator[Said]]]]:
        name, path, days = file.name.lower(), file.path.lower(), self._min_days
        server: Kind = "web server configuration"
        if name in ("caddyfile",) or name.endswith((".caddy", ".caddyfile")):
            yield server, lambda: servers.check_caddy(file, min_days=days)
        elif name == ".htaccess" or (name.endswith(".conf") and _is_apache(path, file.text)):
            yield server, lambda: servers.check_apache(file, min_days=days)
        elif name == "_headers":
            yield server, lambda: pages.check_headers_file(file, min_days=days)
        elif _may_be_nginx(path, name) and (nginx.looks_like_nginx(file.text) or "add_header" in file.text):
            yield server, lambda: nginx.check_nginx(file, min_days=days)
        elif name.endswith((".py", ".pyw")) and python_settings.WORTH_A_LOOK.search(file.text):
            yield "web application", lambda: python_settings.check_python(file, min_days=days)
        elif name.endswith(_JAVASCRIPT):
            yield "web application", lambda: pages.check_javascript(file, min_days=days)
        elif name.endswith((".html", ".htm")):
            yield "web application", lambda: pages.check_html(file)
        elif name.endswith(_OTHER_PROGRAMS):
            yield "web application", lambda: pages.mentioned(file)

    def _yaml_checks(self, file: TextFile) -> Iterator[tuple[Kind, Callable[[], Iterator[Said]]]]:
        scopes, text = self._wanted.scopes, file.text
        if "ci" in scopes and github.is_workflow(file.path):
            options = {"trusted": self._trusted, "public": self._wanted.public}
            yield "GitHub workflow", lambda: _each(text, lambda one: github.check_workflow(one, **options))  # type: ignore[arg-type]
        elif "ci" in scopes and gitlab.is_pipeline(file.path):
            yield "GitLab pipeline", lambda: _each(text, gitlab.check_pipeline)
        elif "containers" in scopes and "services" in text and ("image" in text or "build" in text):
            if "apiVersion" not in text:
                yield (
                    "Compose file",
                    lambda: _each(
                        text,
                        lambda one: (
                            compose.check_compose(one) if compose.is_compose(file.path, one) else iter(())
                        ),
                    ),
                )
        if "containers" in scopes and "apiVersion" in text and "kind" in text:
            yield (
                "Kubernetes manifest",
                lambda: _each(
                    text,
                    lambda one: kubernetes.check_manifest(one) if kubernetes.is_manifest(one) else iter(()),
                ),
            )


def is_held_to_rules(path: str) -> bool:
    """Tell whether a file is, by its name alone, one that a runner, an engine or a builder obeys."""
    return (
        dockerfile.is_dockerfile(path)
        or github.is_workflow(path)
        or gitlab.is_pipeline(path)
        or jenkins.is_jenkinsfile(path)
        or compose.named_compose(path)
    )


def _each(text: str, check: Callable[[Node], Iterator[Breach]]) -> Iterator[Breach]:
    for document in read_documents(text):
        yield from check(document)


def _is_lock(path: str) -> bool:
    return path.rpartition("/")[2] in dependencies.LOCKS


def _is_apache(path: str, text: str) -> bool:
    return "<VirtualHost" in text or "httpd" in path or "apache" in path


def _may_be_nginx(path: str, name: str) -> bool:
    return (
        name.endswith((".conf", ".nginx", ".conf.template", ".conf.j2"))
        or "sites-" in path
        or (path.startswith("nginx/") and "." not in name)
    )


def _marked(one: Breach, silencing: Silencing) -> Breach:
    """Note that the file asks tools to look away from a line."""
    return replace(one, suppressed=one.suppressed or silencing.covers(one.line))


def _anchor(one: Breach, file: TextFile) -> str:
    if one.secret or not 0 < one.line <= len(file.lines):
        return one.anchor
    return anchor(file.lines[one.line - 1])
