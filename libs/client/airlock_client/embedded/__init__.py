"""Real servers as child processes in a data folder: what `airlock up` and the tests run on. Linux only."""

from __future__ import annotations

from airlock_client.embedded.account import default_data_dir
from airlock_client.embedded.errors import (
    EmbeddedError,
    FolderInUse,
    FolderRefused,
    FolderVersion,
    MissingBinary,
    ServerFailed,
)
from airlock_client.embedded.nats import EmbeddedNats
from airlock_client.embedded.postgres import EmbeddedPostgres

__all__ = [
    "EmbeddedError",
    "EmbeddedNats",
    "EmbeddedPostgres",
    "FolderInUse",
    "FolderRefused",
    "FolderVersion",
    "MissingBinary",
    "ServerFailed",
    "default_data_dir",
]
