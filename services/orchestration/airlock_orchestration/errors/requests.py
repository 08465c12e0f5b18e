"""Requests that cannot be read, lead nowhere, or come too often."""

from .base import AirlockError, Category


class InvalidRequest(AirlockError):
    """What was sent does not have the form that is expected here."""

    code = "request.invalid"
    status = 422
    category = Category.REQUEST


class InvalidDocument(AirlockError):
    """The body is not a document that can be read."""

    code = "document.invalid"
    status = 422
    category = Category.REQUEST


class BodyTooLarge(AirlockError):
    """The body is larger than this call takes."""

    code = "request.too_large"
    status = 413
    category = Category.LIMIT


class UnsupportedMediaType(AirlockError):
    """The body is of a media type that this call does not read."""

    code = "request.media_type"
    status = 415
    category = Category.REQUEST


class RouteUnknown(AirlockError):
    """There is nothing at this path."""

    code = "route.unknown"
    status = 404
    category = Category.NOT_FOUND
    hint = "All paths are listed at /docs."


class MethodNotAllowed(AirlockError):
    """This path does not take this method."""

    code = "route.method"
    status = 405
    category = Category.REQUEST


class RateLimited(AirlockError):
    """Too many requests of this class within a minute."""

    code = "rate.limited"
    status = 429
    category = Category.LIMIT
    retryable = True
    hint = "Wait as many seconds as Retry-After says."
