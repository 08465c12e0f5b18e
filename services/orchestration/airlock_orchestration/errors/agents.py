"""Agents that are unknown or cannot be registered."""

from .base import AirlockError, Category


class AgentUnknown(AirlockError):
    """There is no agent of this name or version."""

    code = "agent.unknown"
    status = 404
    category = Category.NOT_FOUND


class AgentInvalid(AirlockError):
    """The manifest cannot be registered as it is."""

    code = "agent.invalid"
    status = 422
    category = Category.REQUEST


class AgentConflict(AirlockError):
    """This agent version is registered with other content."""

    code = "agent.conflict"
    status = 409
    category = Category.CONFLICT
    hint = "A version never changes: raise the version in the manifest and register that."


class ImageUnusable(AirlockError):
    """No host of the pool can use the agent's image."""

    code = "agent.image"
    status = 422
    category = Category.REQUEST
    hint = "Build or pull the image on the pool's hosts, then register again."


class NoHost(AirlockError):
    """No agent host of the pool answers."""

    code = "host.none"
    status = 503
    category = Category.UNAVAILABLE
    retryable = True
    hint = "Start an agent host of this pool; `airlock hosts` lists those that there are."
