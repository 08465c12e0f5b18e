"""Artifacts that are not here, or not what they were said to be."""

from .base import AirlockError, Category


class ArtifactUnknown(AirlockError):
    """There is no artifact of this digest."""

    code = "artifact.unknown"
    status = 404
    category = Category.NOT_FOUND


class ArtifactMismatch(AirlockError):
    """The bytes that came do not have the digest that was named; nothing was kept."""

    code = "artifact.mismatch"
    status = 422
    category = Category.REQUEST


class ArtifactTooLarge(AirlockError):
    """The artifact is larger than 256 MiB; nothing was kept."""

    code = "artifact.too_large"
    status = 413
    category = Category.LIMIT


class ArtifactCorrupt(AirlockError):
    """The stored bytes no longer have their digest; they are not given out."""

    code = "artifact.corrupt"
    status = 500
    category = Category.INTERNAL
