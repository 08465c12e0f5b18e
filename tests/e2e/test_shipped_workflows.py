"""What is shipped is applied at each start, and never over what somebody made of it."""

import json
from pathlib import Path

from airlock_client.local.shipped_workflows import apply_shipped
from e2e_install import Install, spec


async def start(install: Install, folder: Path, *documents: bytes) -> list[str]:
    """Answers what a start with these documents says."""
    said: list[str] = []
    paths = [folder / f"{json.loads(one)['name']}.yaml" for one in documents]
    for path, document in zip(paths, documents, strict=True):
        path.write_bytes(document)
    await apply_shipped(install.client, paths, folder / "shipped.json", said.append)
    return said


async def newest(install: Install, name: str) -> tuple[int, str]:
    view = await install.client.workflow(name)
    return view.version, view.spec.nodes[0].id


async def test_a_shipped_workflow_is_replaced_by_a_newer_one_until_somebody_changes_it(
    install: Install, tmp_path: Path
) -> None:
    assert await start(install, tmp_path, spec("ship-a", [{"id": "a"}])) == [
        "applied workflow ship-a, version 1"
    ]
    (tmp_path / "shipped.json").write_text("[]")  # spoiled: as at the first start
    assert await start(install, tmp_path, spec("ship-a", [{"id": "a"}])) == []
    assert await start(install, tmp_path, spec("ship-a", [{"id": "b"}])) == [
        "applied workflow ship-a, version 2"
    ]
    await install.client.apply_workflow(spec("ship-a", [{"id": "ours"}]))
    (kept,) = await start(install, tmp_path, spec("ship-a", [{"id": "c"}]))
    assert kept.startswith("workflow ship-a: kept as it was changed here")
    assert kept.endswith(f"airlock workflows apply {tmp_path / 'ship-a.yaml'}")
    assert await newest(install, "ship-a") == (3, "ours")

    await install.client.apply_workflow(spec("ship-a", [{"id": "c"}]))  # taken as it is shipped
    assert await start(install, tmp_path, spec("ship-a", [{"id": "c"}])) == []
    assert await start(install, tmp_path, spec("ship-a", [{"id": "d"}])) == [
        "applied workflow ship-a, version 5"
    ]


async def test_a_workflow_of_somebodys_keeps_a_name_that_is_shipped_later(
    install: Install, tmp_path: Path
) -> None:
    await start(install, tmp_path, spec("ship-b", [{"id": "a"}]))
    await install.client.apply_workflow(spec("ship-c", [{"id": "ours"}]))
    (kept,) = await start(install, tmp_path, spec("ship-b", [{"id": "a"}]), spec("ship-c", [{"id": "a"}]))
    assert kept.startswith("workflow ship-c: kept")
    assert await newest(install, "ship-c") == (1, "ours")
