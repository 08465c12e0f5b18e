"""What can go wrong with an embedded server; each message says what to do about it.

EmbeddedError
  MissingBinary        the package that carries the server is not installed
  FolderRefused        the data folder cannot be used, and was left as it is
    FolderInUse        another process runs a server on it
    FolderVersion      it was written by another version of the server
  ServerFailed         the server did not start, ended, or did not answer in time
"""

from __future__ import annotations


class EmbeddedError(Exception):
    """An embedded server could not be run."""


class MissingBinary(EmbeddedError):
    """The program of an embedded server is not installed."""


class FolderRefused(EmbeddedError):
    """The data folder cannot be used; nothing in it was changed."""


class FolderInUse(FolderRefused):
    """Another process runs a server on this data folder."""


class FolderVersion(FolderRefused):
    """The data folder was written by another major version of the server."""


class ServerFailed(EmbeddedError):
    """The server did not start, ended by itself, or did not answer in time."""
