"""One request to a collector: one connection, bounded in time as a whole, a small answer read at most.

The exporters' own way waits for each piece of an answer anew, and reads all of it: whoever sends a byte every
few seconds, or gigabytes, would hold a thread or fill the memory.
"""

import contextlib
import http.client
import io
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter

MOST_SECONDS = 5.0
"""For one request from name to answer, unless its sender gives it less."""
MAX_ANSWER_BYTES = 64 * 1024
"""What a collector says about an export is some dozens of bytes."""
_HTTPS = "https"
_LEAST_SECONDS = 0.001


class BoundedSession(requests.Session):
    """A session for one exporter, which uses it in one thread; `adapter` knows its last answer."""

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False  # settings name the address; a proxy meant for something else must not get it
        self.headers.update({"Accept-Encoding": "identity", "Connection": "close"})
        self.adapter = BoundedAdapter()
        self.failed = False
        """Whether the last request was not answered, or not with success; whoever wants to know resets it."""
        for scheme in ("http://", "https://"):
            self.mount(scheme, self.adapter)

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        """Send a request; see `requests.Session`."""
        self.failed = True
        response = super().request(*args, **kwargs)
        self.failed = not response.ok
        return response


class BoundedAdapter(BaseAdapter):
    """Sends a request over a connection of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.answer = b""
        """What the last request that was answered got, cut at `MAX_ANSWER_BYTES`."""
        self._lock = threading.Lock()
        self._open: socket.socket | None = None
        self._closed = False
        self._is_cut = False

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: float | tuple[float, float] | tuple[float, None] | None = None,
        verify: bool | str = True,
        cert: bytes | str | tuple[bytes | str, bytes | str] | None = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Send and read the answer. Raises requests' ConnectionError, and InvalidURL for a redirection."""
        seconds = min(MOST_SECONDS, timeout) if isinstance(timeout, int | float) else MOST_SECONDS
        try:
            answer, body = self._exchange(request, max(seconds, _LEAST_SECONDS), verify, cert)
        # ValueError: what a TLS socket says that was ended from another thread.
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = f"{type(error).__name__}: {error}"
            raise requests.exceptions.ConnectionError(reason, request=request) from error
        if 300 <= answer.status < 400:  # for the exporters it would be a success
            raise requests.exceptions.InvalidURL(f"answered {answer.status}: the address is another")
        self.answer = body
        return _response(request, answer, body)

    def close(self) -> None:
        """End the request that is under way, and refuse all others."""
        with self._lock:
            self._closed = True
        self._cut()

    def _exchange(
        self, request: requests.PreparedRequest, seconds: float, verify: bool | str, cert: Any
    ) -> tuple[http.client.HTTPResponse, bytes]:
        url = urlsplit(request.url or "")
        host = url.hostname or ""
        secure = url.scheme == _HTTPS
        until = time.monotonic() + seconds
        plain = _connected(host, url.port or (443 if secure else 80), until)
        opened = _secured(plain, host, verify, cert) if secure else plain
        seconds = max(until - time.monotonic(), _LEAST_SECONDS)
        with self._bounded(opened, seconds):
            if isinstance(opened, ssl.SSLSocket):
                opened.do_handshake()
            connection = http.client.HTTPConnection(host, url.port, timeout=seconds)
            connection.sock = opened
            headers = {key: str(value) for key, value in request.headers.items()}
            connection.request(request.method or "POST", request.path_url, body=request.body, headers=headers)
            with connection.getresponse() as answer:
                return answer, answer.read(MAX_ANSWER_BYTES)

    @contextlib.contextmanager
    def _bounded(self, opened: socket.socket, seconds: float) -> Iterator[None]:
        """Within this block the socket is cut when the time is over, and closed in any case."""
        with self._lock:
            self._open = opened
            self._is_cut = False
            closed = self._closed
        clock = threading.Timer(seconds, self._cut)
        clock.daemon = True
        clock.start()
        try:
            if closed:
                raise ConnectionAbortedError("no more exports")
            yield
            if self._is_cut:  # an answer whose head was broken off would pass for a whole one
                raise TimeoutError(f"not answered within {seconds:g} s")
        finally:
            clock.cancel()
            with self._lock:
                self._open = None
            opened.close()

    def _cut(self) -> None:
        with self._lock, contextlib.suppress(OSError):
            if self._open is not None:
                self._is_cut = True
                # Not a TLS socket's own: it would forget its state under the reading thread's hands.
                socket.socket.shutdown(self._open, socket.SHUT_RDWR)


def _connected(host: str, port: int, until: float) -> socket.socket:
    """A connection to the first address of a name that takes one; all of them together have until then.

    Each has its share of what is left, or one that never answers would hide the next for ever. Looking up
    the name is the one part that nobody can cut short: it is bounded by the resolver.
    """
    failure: OSError | None = None
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for untried, (family, kind, protocol, _, address) in zip(range(len(found), 0, -1), found, strict=True):
        left = until - time.monotonic()
        if failure is not None and left <= 0:
            break
        with contextlib.ExitStack() as unless_connected:
            try:
                tried = unless_connected.enter_context(socket.socket(family, kind, protocol))
                tried.settimeout(max(left / untried, _LEAST_SECONDS))
                tried.connect(address)
            except OSError as error:  # the next address may be another machine, or another family
                failure = error
            else:
                tried.settimeout(max(until - time.monotonic(), _LEAST_SECONDS))
                unless_connected.pop_all()
                return tried
    raise failure or OSError(f"{host} has no address")


def _secured(plain: socket.socket, host: str, verify: bool | str, cert: Any) -> ssl.SSLSocket:
    try:
        context = ssl.create_default_context(cafile=verify if isinstance(verify, str) else None)
        if cert:
            context.load_cert_chain(*(cert if isinstance(cert, tuple) else (cert,)))
        return context.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)
    except BaseException:
        plain.close()
        raise


def _response(
    request: requests.PreparedRequest, answer: http.client.HTTPResponse, body: bytes
) -> requests.Response:
    response = requests.Response()
    response.status_code = answer.status
    response.reason = answer.reason
    response.headers.update(answer.headers.items())
    response.url = request.url or ""
    response.request = request
    response.raw = io.BytesIO(body)
    return response
