"""Whether the Hugging Face hub can be reached: offline, its client retries for half a minute and prints long errors.

If the hub's host name cannot be resolved, its cache is used without a request.
"""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from priming.errors import DataError

ENDPOINT = "https://huggingface.co"
_TRUE = ("1", "ON", "YES", "TRUE")
_FLAGS = {
    "huggingface_hub.constants": "HF_HUB_OFFLINE",
    "datasets.config": "HF_HUB_OFFLINE",
    "transformers.utils.hub": "_is_offline_mode",
}
"""The variables in which the libraries keep HF_HUB_OFFLINE, which they read when imported."""


class UnreachableError(DataError):
    """The hub does not answer."""


def unresolved_host() -> str | None:
    """The host to which the hub's client would connect if its name cannot be resolved; else None.

    It is the host of HF_ENDPOINT, or a proxy for it. With HF_HUB_OFFLINE the client does not connect, so None.
    """
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in _TRUE:
        return None
    endpoint = urlsplit(os.environ.get("HF_ENDPOINT") or ENDPOINT)
    proxies = {} if proxy_bypass(endpoint.hostname or "") else getproxies()
    proxy = proxies.get(endpoint.scheme) or proxies.get("all")
    address = urlsplit(proxy if "://" in proxy else f"//{proxy}") if proxy else endpoint
    try:
        socket.getaddrinfo(address.hostname, None)
    except (socket.gaierror, UnicodeError):
        return address.hostname
    return None


def cache_alone_where_unresolved() -> str | None:
    """If the hub's host name cannot be resolved, restrict its client to the cache in this process; returns the name."""
    host = unresolved_host()
    if host:
        import huggingface_hub.constants  # noqa: F401  (later imports read its flag)

        for module, flag in _FLAGS.items():
            if module in sys.modules:
                setattr(sys.modules[module], flag, True)
    return host


def no_copy(what: str, host: str, why: str = "") -> str:
    """Message that `what` is not in the cache (reason `why`) and cannot be fetched, with the first two remedies."""
    from huggingface_hub.constants import HF_HUB_CACHE

    missing = f"the cache {HF_HUB_CACHE} has no complete copy{f' ({why})' if why else ''}"
    advice = "connect and run again, set HF_HOME to a folder whose cache has it"
    return f"{what} cannot be read: there is no network ({unresolved(host)}), and {missing}; {advice}"


def unresolved(host: str) -> str:
    """Message that a host name cannot be resolved."""
    return f"the name {host} cannot be resolved"


@contextmanager
def cache_or_clear_error(what: str, otherwise: str) -> Iterator[None]:
    """Load something from the hub, or only from its cache if the hub's host name cannot be resolved.

    Args:
        what: its name, for the message.
        otherwise: another way to get it, for the message.

    Raises:
        UnreachableError: instead of a DataError for a missing file, if there is no network.
    """
    host = cache_alone_where_unresolved()
    try:
        yield
    except DataError as error:
        if host and isinstance(error.__cause__, OSError):
            raise UnreachableError(f"{no_copy(what, host)}, or {otherwise}") from error
        raise
