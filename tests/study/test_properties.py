"""Whatever is in a study file or a strategy, it is read or refused in a named error, and never anything else."""

from contextlib import suppress
from functools import reduce
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from priming.errors import StudyError
from priming.strategies import Priming, Strategy
from priming.study import Study
from priming.tasks.names import open_study
from tests.study.conftest import STUDY

TASKS = {"[a, b]": "[film_verdict]", "[c]": "[hotel_review]", "[d, e]": "[thing_warmth]"}
RUNNABLE = reduce(lambda text, name: text.replace(name, TASKS[name]), TASKS, STUDY)
FEW = settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow], database=None
)
KEYS = sorted(Study.model_fields)
WORDS = ["none", "plm", "task", "chance", "mtl", "->", "1e-3", "film_verdict", "/dev/zero", "../..", "\0", "a" * 300]
SCALARS: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12), st.sampled_from(WORDS), st.dates()
)
NAMED = st.sampled_from([*WORDS, *KEYS]) | SCALARS
VALUES = st.recursive(
    SCALARS,
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(NAMED, inside, max_size=3),
    max_leaves=8,
)
ELEMENTS = ["plm", "adapter", "prompt", "prefix", "lora", "ia3", "bitfit", "head"]
SIGNS = ["none", "mtl", "maml", "maml:first", "nothing", "->", "[", "]", "|", "+", " ", "x1", "x0", "(with ", ")"]
FORMS = ["{0} -> {1}", "mtl[{0}] -> {1}", "maml[{0} | {1} x{3}] -> {2}"]
SETS = st.lists(st.sampled_from(ELEMENTS), min_size=1, max_size=3, unique=True).map("+".join)


def places(data: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every key of nested data."""
    inside = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [at, *(place for key, value in inside for place in places(value, (*at, key)))]


PLACES = places(yaml.safe_load(RUNNABLE))[1:]


def is_read_or_refused(text: str) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "study.yaml")
        path.write_text(text, encoding="utf-8")
        with suppress(StudyError):
            assert open_study(path).strategies


@FEW
@given(place=st.sampled_from(PLACES), value=VALUES)
def test_another_value_anywhere(place: tuple[Any, ...], value: Any) -> None:
    data = yaml.safe_load(RUNNABLE)
    section = data
    for key in place[:-1]:
        section = section[key]
    section[place[-1]] = value
    is_read_or_refused(yaml.safe_dump(data))


@FEW
@given(key=st.sampled_from(KEYS), value=VALUES)
def test_another_section(key: str, value: Any) -> None:
    is_read_or_refused(yaml.safe_dump(yaml.safe_load(RUNNABLE) | {key: value}))


@FEW
@given(text=st.text(alphabet=st.sampled_from("abc:{}[]&*!|>-?#%@`'\",\n \t1<~\\"), max_size=60), end=st.booleans())
def test_any_text(text: str, end: bool) -> None:
    is_read_or_refused(RUNNABLE + text if end else text + RUNNABLE)


@FEW
@given(st.lists(st.sampled_from([*ELEMENTS, *SIGNS]), max_size=12).map("".join) | st.text(max_size=30))
def test_any_strategy(text: str) -> None:
    with suppress(StudyError):
        found = Strategy.parse(text)
        assert Strategy.parse(str(found)) == found
        assert found.priming is None or Priming.from_slug(found.priming.slug) == found.priming


@FEW
@given(SETS, SETS, SETS, st.integers(0, 10**7), st.sampled_from(FORMS))
def test_strategies_of_the_grammar(outer: str, inner: str, tuned: str, steps: int, form: str) -> None:
    with suppress(StudyError):
        found = Strategy.parse(form.format(outer, inner, tuned, steps))
        assert Strategy.parse(str(found)) == found
        assert set(found.slug) <= set("abcdefghijklmnopqrstuvwxyz0123456789-+.")
