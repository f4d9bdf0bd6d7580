"""Broken content of files for property tests: JSON with other values, bytes that are flipped, cut or put in."""

import json
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

FEW = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[*HealthCheck], database=None)
WORDS = ["", "a", "/dev/zero", "../..", "~root", "\0", "é" * 300, "\ud800", "https://x/y", "[" * 2000, "__class__"]
SCALARS: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([0, -1, 1, 10**6, 2**31, 2**63, 10**400]),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(WORDS),
)


def nested(scalars: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Lists and objects of scalars, or one of these."""
    return st.recursive(
        scalars,
        lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inside, max_size=3),
        max_leaves=6,
    )


VALUES = nested(SCALARS)
SMALL = nested(SCALARS.filter(lambda value: not isinstance(value, int | float) or abs(value) < 300))
"""Values without numbers that would be sizes beyond the memory of a machine."""


def places(data: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every key of nested data, the whole first."""
    inside = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [at, *(place for key, value in inside for place in places(value, (*at, key)))]


def with_value(data: Any, place: tuple[Any, ...], value: Any) -> Any:
    """A copy of nested data with another value at a place."""
    if not place:
        return value
    copied = dict(data) if isinstance(data, dict) else list(data)
    copied[place[0]] = with_value(copied[place[0]], place[1:], value)
    return copied


@st.composite
def changed_json(draw: st.DrawFn, data: Any, values: st.SearchStrategy[Any] = VALUES) -> bytes:
    """JSON with another value somewhere."""
    place = draw(st.sampled_from(places(data)))
    return json.dumps(with_value(data, place, draw(values))).encode("utf-8", "surrogatepass")


@st.composite
def changed_bytes(draw: st.DrawFn, whole: bytes) -> bytes:
    """Bytes with one flipped, some left out, or some put in."""
    at, more = draw(st.integers(0, len(whole) - 1)), draw(st.binary(max_size=8))
    kept = at + draw(st.sampled_from([0, 1, 8, len(whole)]))
    return whole[:at] + more + whole[kept:]
