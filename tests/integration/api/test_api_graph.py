"""The picture of a run over REST: an SVG that a browser shows and in which nothing can happen."""

from __future__ import annotations

from typing import Any
from uuid import uuid4
from xml.etree import ElementTree


async def test_a_run_and_its_workflow_are_pictures_without_rights(rig: Any) -> None:
    run = await rig.start()
    await rig.fail(run, "a")
    for path in (f"/api/runs/{run}/graph.svg", "/api/workflows/chain/graph.svg?version=1"):
        answer = await rig.client.get(path)
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("image/svg+xml")
        assert answer.headers["content-security-policy"].startswith("default-src 'none';")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert ElementTree.fromstring(answer.text).tag == "{http://www.w3.org/2000/svg}svg"
        assert (await rig.client.get(path)).content == answer.content


async def test_a_picture_that_shows_something_new_has_another_tag(rig: Any) -> None:
    run = await rig.start()
    path = f"/api/runs/{run}/graph.svg"
    before = await rig.client.get(path)
    await rig.fail(run, "a")
    after = await rig.client.get(path, headers={"If-None-Match": before.headers["etag"]})
    assert after.status_code == 200
    assert after.headers["etag"] != before.headers["etag"]


async def test_what_is_not_there_is_404(rig: Any) -> None:
    for path in (f"/api/runs/{uuid4()}/graph.svg", "/api/workflows/none/graph.svg"):
        assert (await rig.client.get(path)).status_code == 404
