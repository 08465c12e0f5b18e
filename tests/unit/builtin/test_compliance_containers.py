"""Dockerfiles, Compose files and Kubernetes manifests: what breaks a rule, and what only looks like it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from airlock_agents.builtin.compliance_checker.containers.compose import check_compose, is_compose
from airlock_agents.builtin.compliance_checker.containers.dockerfile import (
    check_dockerfile,
    is_dockerfile,
)
from airlock_agents.builtin.compliance_checker.containers.kubernetes import check_manifest
from airlock_agents.builtin.compliance_checker.facts import Breach, CopiesEverything, TextFile
from airlock_agents.builtin.compliance_checker.yaml_nodes import read_documents

GOOD = "FROM alpine:3.20@sha256:" + "0" * 64 + "\n{}\nUSER 65532\nHEALTHCHECK CMD true\n"


def dockerfile(text: str) -> list[tuple[str, int]]:
    file = TextFile("Dockerfile", tuple(text.splitlines()))
    return [(one.rule, one.line) for one in check_dockerfile(file) if isinstance(one, Breach)]


def inside(line: str) -> set[str]:
    return {rule.partition(".")[2] for rule, _ in dockerfile(GOOD.format(line))}


@pytest.mark.parametrize(
    ("line", "rules"),
    [
        ("RUN true", set()),
        ("RUN curl -fsSL https://x/i.sh | sh", {"pipe-to-shell"}),
        ("RUN curl https://x/i.sh | sudo -E bash -", {"pipe-to-shell", "sudo"}),
        ("RUN bash <(curl -s https://x)", {"pipe-to-shell"}),
        ('RUN sh -c "$(wget -qO- https://x)"', {"pipe-to-shell"}),
        ("RUN curl https://x | tar xz", set()),
        ("RUN curl https://x | python3 -c 'import json'", set()),
        ("RUN curl https://x -o a; sh a", set()),
        ("RUN curl -s https://x | \\\n  # why\n  python3 -m json.tool", set()),
        ("RUN curl -s https://x \\\n  | bash", {"pipe-to-shell"}),
        ("RUN <<EOF\ncurl -O https://x\ncat a | sh\nEOF", set()),
        ("RUN apt-get install -y --no-install-recommends git \\\n  sudo \\\n  vim", set()),
        ("RUN chmod -R 777 /a", {"world-writable"}),
        ("RUN chmod a+w /a", {"world-writable"}),
        ("RUN chmod o+rwx /a", {"world-writable"}),
        ("RUN chmod u+w /a && chmod 755 /b && chmod +x /c && chmod +w /d && chmod go-w /e", set()),
        ("RUN chmod 1777 /tmp && chmod u+w,go+r /a && chmod --recursive 0775 /b", set()),
        ("RUN chmod 0666 /a", {"world-writable"}),
        ("RUN chmod u=rwx,go=rw /a", {"world-writable"}),
        ("RUN true && sudo true", {"sudo"}),
        ("RUN apt-get -y install --no-install-recommends sudo", set()),
        ("RUN apt-get update && apt-get install -y git", {"apt-recommends"}),
        ("ADD https://x/a.zip /", {"add-from-url"}),
        ("ADD --checksum=sha256:00 https://x/a.zip /", set()),
        ("ENV DB_PASSWORD=tulip-orbit-92", {"secret-in-image"}),
        ("ENV PGPASSWORD tulip-orbit-92", {"secret-in-image"}),
        ("ENV DB_PASSWORD=$DB_PASSWORD TOKEN_URL=https://x SECRET_FILE=/run/s", set()),
        ("ENV PASSWORD=changeme", set()),
        ("ARG NPM_TOKEN", {"secret-in-image"}),
        ("ARG NPM_VERSION=1", set()),
        ("EXPOSE 22/tcp", {"ssh-exposed"}),
        ("EXPOSE 2222 8022", set()),
    ],
)
def test_an_instruction_breaks_the_rules_that_it_breaks(line: str, rules: set[str]) -> None:
    assert inside(line) == rules


@pytest.mark.parametrize(
    ("line", "rules"),
    [
        ("RUN\tcurl -fsSL https://x/i.sh | sh", {"pipe-to-shell"}),
        ("RUN\\\n  curl -fsSL https://x/i.sh | sh", {"pipe-to-shell"}),
        ("ADD\t https://x/a.zip /", {"add-from-url"}),
        ("ENV\tPASSWORD=tulip-orbit-92", {"secret-in-image"}),
        ("ENV PASSWORD\ttulip-orbit-92", {"secret-in-image"}),
        ("ENV PASSWORD tulip=orbit-92", {"secret-in-image"}),
        ("ENV A b API_TOKEN=tulip-orbit-92", set()),
        ("ARG A=1 NPM_TOKEN", {"secret-in-image"}),
        ("ARG A='x NPM_TOKEN y'", set()),
    ],
)
def test_any_blank_ends_a_word(line: str, rules: set[str]) -> None:
    assert inside(line) == rules


def test_a_tab_hides_no_stage_and_no_user() -> None:
    said = dict(dockerfile("FROM\tubuntu\tAS\tbase\nFROM\tbase\nUSER\troot\n"))
    assert said["containers.image-latest"] == 1
    assert said["containers.runs-as-root"] == 3


def test_places_are_told_inside_continued_lines_and_comments() -> None:
    text = GOOD.format("RUN true \\\n  # why\n  && apt-get install -y \\\n     git \\\n  && chmod 777 /x")
    assert dockerfile(text) == [("containers.world-writable", 6), ("containers.apt-recommends", 4)]


def test_the_last_stage_decides_who_runs_it_and_stages_inherit() -> None:
    base = "FROM alpine:3.20 AS base\nUSER app\nHEALTHCHECK NONE\n"
    assert "containers.runs-as-root" not in dict(dockerfile(base + "FROM base\nRUN true\n"))
    assert dict(dockerfile(base + "FROM base\nUSER 0:0\n"))["containers.runs-as-root"] == 5
    assert dict(dockerfile(base + "FROM alpine:3.20\n"))["containers.runs-as-root"] == 4
    assert "containers.runs-as-root" not in dict(dockerfile("FROM gcr.io/distroless/static:nonroot\n"))


@pytest.mark.parametrize(
    ("image", "rule"),
    [
        ("alpine", "containers.image-latest"),
        ("registry:5000/a", "containers.image-latest"),
        ("a:latest", "containers.image-latest"),
        ("registry:5000/a:1.2", "containers.image-without-digest"),
        ("$BASE", None),
        ("scratch", None),
    ],
)
def test_an_image_without_a_version_moves(image: str, rule: str | None) -> None:
    said = {one for one, _ in dockerfile(f"FROM {image}\nUSER 1\nHEALTHCHECK NONE\n")}
    assert said == ({rule} if rule else set())


def test_a_pretended_here_document_hides_nothing() -> None:
    assert "sudo" in inside('RUN echo "<<EOF"\nRUN sudo true')
    assert "sudo" not in inside("RUN <<EOF\necho sudo\nEOF")


@pytest.mark.parametrize(
    "opened",
    [
        "RUN cat <<EOF > /f",
        "RUN true && \\\n  cat <<-'EOF' > /f",
        "COPY 0<<EOF /f",
        "RUN echo 'a\tb' \"c <<X\" <<EOF",
    ],
)
def test_the_text_of_a_here_document_is_no_instruction(opened: str) -> None:
    text = GOOD.format("RUN true") + f"{opened}\nUSER root\nEOF\n"
    assert "containers.runs-as-root" not in dict(dockerfile(text))


@pytest.mark.parametrize(
    "pretended", ["ENV A=<<EOF", "RUN echo 'a <<EOF'", "RUN cat<<EOF", "RUN echo $((1 <<EOF))"]
)
def test_what_is_no_here_document_hides_no_instruction(pretended: str) -> None:
    text = GOOD.format("RUN true") + f"{pretended}\nUSER root\nRUN <<EOF\ntrue\nEOF\n"
    assert "containers.runs-as-root" in dict(dockerfile(text))


def test_a_quote_that_is_escaped_hides_no_here_document() -> None:
    text = GOOD.format("RUN true") + 'RUN echo \\" <<EOF \\"\nUSER root\nEOF\n'
    assert "containers.runs-as-root" not in dict(dockerfile(text))


def test_a_name_may_begin_as_it_likes() -> None:
    assert inside("ENV 1_PASSWORD=tulip-orbit-92") == {"secret-in-image"}
    assert inside("ENV A=b -PASSWORD=tulip-orbit-92") == {"secret-in-image"}


@pytest.mark.parametrize(
    "hostile",
    [
        "RUN echo " + ('\\"' * 4_000 + " \\\n") * 120 + "true",
        "RUN echo " + ("\"\\'" * 2_600 + " \\\n") * 120 + "true",
        "ENV " + "a" * 1_000_000 + "(",
        "ENV A=b " + "A_TOKEN=tulip-orbit-92 " * 40_000,
        "RUN " + "chmod 777 a;" * 80_000,
    ],
    ids=["escaped quotes", "quotes", "a name", "secrets", "modes"],
)
def test_a_hostile_dockerfile_takes_no_time(
    processor_seconds: Callable[[Callable[[], object]], float], hostile: str
) -> None:
    assert processor_seconds(lambda: dockerfile(f"FROM a\n{hostile}\n")) < 10


def test_copying_everything_is_noted_for_the_ignore_file() -> None:
    lines = ("FROM a:1", "COPY . /a", "COPY --from=b . /b", "COPY src /c")
    said = list(check_dockerfile(TextFile("Dockerfile", lines)))
    assert [one.line for one in said if isinstance(one, CopiesEverything)] == [2]


def test_dockerfiles_are_known_by_their_names() -> None:
    yes = ["Dockerfile", "a/Dockerfile.dev", "web.dockerfile", "Containerfile", "a\nb.Dockerfile"]
    no = [".dockerignore", "Dockerfile.dockerignore", "dockerfile.py", "Dockerfiles.md"]
    assert [is_dockerfile(one) for one in yes + no] == [True] * 5 + [False] * 4


def compose(text: str) -> dict[str, int]:
    (document,) = read_documents(text)
    assert is_compose("compose.yml", document)
    return {one.rule.partition(".")[2]: one.line for one in check_compose(document)}


def test_a_service_that_owns_its_host_is_told() -> None:
    assert compose(
        "services:\n  a:\n    image: x\n    privileged: true\n    network_mode: host\n    user: root\n"
        "    cap_add: [SYS_ADMIN]\n    volumes:\n      - /var/run/docker.sock:/var/run/docker.sock\n"
        "      - {type: bind, source: /etc, target: /e}\n"
        "    environment:\n      - DB_PASSWORD=tulip-orbit-92\n"
    ) == {
        "image-latest": 3,
        "privileged": 4,
        "runs-as-root": 6,
        "host-namespace": 5,
        "capability-added": 7,
        "engine-socket": 9,
        "host-path": 10,
        "plain-password": 12,
        "limits-missing": 2,
    }


def test_a_modest_service_breaks_nothing() -> None:
    assert (
        compose(
            "x-base: &base {mem_limit: 1g}\nservices:\n"
            "  a:\n    <<: *base\n    image: x:1.2\n    user: '1000'\n"
            "    volumes: ['./data:/data', 'cache:/c']\n"
            "    environment: {DB_PASSWORD: '${DB_PASSWORD}', A_FILE: /x}\n"
            "  b: {<<: *base, build: ., image: made-here}\n"
        )
        == {}
    )


def pod(text: str) -> set[str]:
    (document,) = read_documents(f"apiVersion: v1\nkind: Pod\nspec: {text}\n")
    return {one.rule.partition(".")[2] for one in check_manifest(document)}


SAFE = (
    "name: a, image: 'x:1', resources: {limits: {memory: 1Gi}}, "
    "securityContext: {runAsNonRoot: true, allowPrivilegeEscalation: false}"
)


@pytest.mark.parametrize(
    ("spec", "rules"),
    [
        (f"{{containers: [{{{SAFE}}}]}}", set()),
        (f"{{hostNetwork: true, containers: [{{{SAFE}}}]}}", {"host-namespace"}),
        (f"{{volumes: [{{name: a, hostPath: {{path: /etc}}}}], containers: [{{{SAFE}}}]}}", {"host-path"}),
        (f"{{containers: [{{{SAFE}, env: [{{name: A_TOKEN, value: x9-tulip}}]}}]}}", {"plain-password"}),
        (f"{{containers: [{{{SAFE}, env: [{{name: A_TOKEN, valueFrom: {{}}}}]}}]}}", set()),
        (
            "{containers: [{name: a, image: x, securityContext: {privileged: true, runAsUser: 0}}]}",
            {"image-latest", "privileged", "runs-as-root", "privilege-escalation", "limits-missing"},
        ),
        (
            "{securityContext: {runAsUser: 5}, initContainers: [{name: a, image: 'x:1'}]}",
            {"privilege-escalation", "limits-missing"},
        ),
        ("[not, a, pod]", set()),
    ],
)
def test_a_pod_breaks_the_rules_that_it_breaks(spec: str, rules: set[str]) -> None:
    assert pod(spec) == rules


def test_pods_are_found_in_templates_and_lists() -> None:
    text = (
        "apiVersion: v1\nkind: List\nitems:\n"
        "  - {kind: CronJob, apiVersion: b, spec: {jobTemplate: {spec: {template: "
        "{spec: {containers: [{name: a, image: 'x:1', securityContext: {privileged: true}}]}}}}}}\n"
    )
    (document,) = read_documents(text)
    assert "containers.privileged" in {one.rule for one in check_manifest(document)}
