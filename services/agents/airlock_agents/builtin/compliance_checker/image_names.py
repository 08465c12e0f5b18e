"""What the name of a container image says about which image it will be."""

from __future__ import annotations


def is_variable(image: str) -> bool:
    """Tell whether the name is filled in from elsewhere, so that it says nothing."""
    return "$" in image or "{{" in image or "<" in image or not image.strip()


def has_digest(image: str) -> bool:
    """Tell whether the image is named by its content."""
    return "@sha256:" in image


def tag(image: str) -> str | None:
    """Answer the tag, None where there is none; the colon of a registry's port is none."""
    name = image.partition("@")[0].rpartition("/")[2]
    _, colon, after = name.partition(":")
    return after if colon else None


def moves(image: str) -> str | None:
    """Say why each start may get another image, or None: it has a version."""
    if is_variable(image) or has_digest(image) or image == "scratch":
        return None
    found = tag(image)
    if found is None:
        return "has no tag, which means latest"
    return "has the tag latest" if found == "latest" else None
