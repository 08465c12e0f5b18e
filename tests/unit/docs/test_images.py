"""The pictures in the documents are small, whole, and load nothing."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

IMAGES = Path(__file__).parents[3] / "docs" / "images"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("image", sorted(IMAGES.glob("*.svg")), ids=lambda path: path.name)
def test_a_picture_is_small_says_what_it_shows_and_loads_nothing(image: Path) -> None:
    text = image.read_text(encoding="utf-8")
    root = ET.fromstring(text)
    assert len(text) < 32 * 1024
    assert root.findtext(f"{SVG}title")
    assert root.findtext(f"{SVG}desc")
    assert "prefers-color-scheme: dark" in text
    assert not re.search(r"<script|<image|<foreignObject|href=|url\((?!#)|@import", text)
