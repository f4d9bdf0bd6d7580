"""Whether the hub's name can be resolved: names under `.invalid` never can be (RFC 2606), addresses always."""

import pytest

from priming.hub_access import unresolved_host

VARIABLES = ("HF_ENDPOINT", "HF_HUB_OFFLINE", "http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.mark.parametrize(
    ("environment", "host"),
    [
        ({"HF_ENDPOINT": "https://hub.invalid"}, "hub.invalid"),
        ({"HF_ENDPOINT": "http://hub.invalid:8080/path"}, "hub.invalid"),
        ({"HF_ENDPOINT": "http://127.0.0.1:1"}, None),
        ({"HF_ENDPOINT": "https://hub.invalid", "HF_HUB_OFFLINE": "1"}, None),
        ({"HF_ENDPOINT": "https://hub.invalid", "HF_HUB_OFFLINE": "true"}, None),
        ({"HF_ENDPOINT": "https://hub.invalid", "HF_HUB_OFFLINE": "0"}, "hub.invalid"),
        ({"HF_ENDPOINT": "https://hub.invalid", "https_proxy": "http://127.0.0.1:3128"}, None),
        ({"HF_ENDPOINT": "https://hub.invalid", "https_proxy": "127.0.0.1:3128"}, None),
        ({"HF_ENDPOINT": "https://hub.invalid", "all_proxy": "http://127.0.0.1:3128"}, None),
        ({"HF_ENDPOINT": "https://hub.invalid", "http_proxy": "http://127.0.0.1:3128"}, "hub.invalid"),
        ({"HF_ENDPOINT": "https://127.0.0.1", "https_proxy": "http://proxy.invalid:3128"}, "proxy.invalid"),
        (
            {"HF_ENDPOINT": "https://hub.invalid", "https_proxy": "http://127.0.0.1:1", "no_proxy": "hub.invalid"},
            "hub.invalid",
        ),
    ],
)
def test_the_host_that_the_client_would_connect_to_is_looked_up(
    environment: dict[str, str], host: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert unresolved_host() == host
