"""Keys that are missing, wrong, or not enough."""

from .base import AirlockError, Category


class KeyRequired(AirlockError):
    """This call needs a key."""

    code = "key.required"
    status = 401
    category = Category.AUTH
    hint = "Send `Authorization: Bearer <key>` or `X-API-Key: <key>`; `airlock keys create` makes a key."


class KeyInvalid(AirlockError):
    """The key is not one that is valid here."""

    code = "key.invalid"
    status = 401
    category = Category.AUTH
    hint = "It may have been revoked; `airlock keys list` shows the keys that there are."


class Forbidden(AirlockError):
    """The key's role does not allow this call."""

    code = "key.forbidden"
    status = 403
    category = Category.AUTH


class KeyUnknown(AirlockError):
    """There is no key of this id."""

    code = "key.unknown"
    status = 404
    category = Category.NOT_FOUND
