"""What the demo says of the folder that it leaves behind."""

from io import StringIO
from pathlib import Path

import pytest
from airlock_client.demo.summary import Summary, show_summary
from rich.console import Console
from shown_runs import run


@pytest.mark.parametrize("temporary", [True, False])
def test_a_folder_that_nobody_chose_is_said_to_stay_and_how_to_remove_it(temporary: bool) -> None:
    written = StringIO()
    folder = Path("/somewhere/results")
    show_summary(Console(file=written, width=120), run(), Summary(folder=folder, is_temporary=temporary))
    text = written.getvalue()
    assert f"in {folder}" in text
    assert ("it stays, for you to look at" in text) is temporary
    assert (f"rm -r {folder}" in text) is temporary  # never of a folder that somebody chose
