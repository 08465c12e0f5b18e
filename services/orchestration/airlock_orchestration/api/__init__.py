"""REST: routes, who may call them, how often, and how errors are answered."""

from .application import build_api
from .dependencies import Dependencies, Limits

__all__ = ["Dependencies", "Limits", "build_api"]
