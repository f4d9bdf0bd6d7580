"""Strategies that tune nothing: how they are written, what they are compared with, what is refused."""

import pytest

from priming.errors import StudyError
from priming.strategies import Priming, Strategy
from priming.study.baselines import in_full


@pytest.mark.parametrize(
    ("text", "slug", "elements", "primed"),
    [
        ("none -> nothing", "none--nothing", ("plm",), ()),
        ("mtl[plm] -> nothing", "mtl-plm--nothing", ("plm",), ("plm",)),
        ("mtl[bitfit] -> nothing", "mtl-bitfit--nothing", ("plm",), ("bitfit",)),
        ("mtl[plm+adapter] -> nothing", "mtl-plm+adapter--nothing", ("plm",), ("plm",)),
        (
            "mtl[plm+adapter] -> nothing (with adapter)",
            "mtl-plm+adapter--nothing.with.adapter",
            ("plm", "adapter"),
            ("plm", "adapter"),
        ),
    ],
)
def test_nothing_is_tuned(text: str, slug: str, elements: tuple[str, ...], primed: tuple[str, ...]) -> None:
    strategy = Strategy.parse(text)
    assert (str(strategy), strategy.slug, strategy.tuned) == (text, slug, ())
    assert (strategy.elements, strategy.primed) == (elements, primed)
    assert Strategy.from_slug(slug) == strategy
    assert strategy.twin == Strategy.parse("none -> nothing")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("none -> nothing+adapter", "'nothing' stands alone, after the arrow"),
        ("mtl[nothing] -> adapter", "'nothing' stands alone, after the arrow"),
        (
            "mtl[adapter] -> nothing",
            r"nothing of its priming would be scored; write 'mtl\[adapter\] -> nothing \(with adapter\)'",
        ),
        ("none -> nothing (with adapter)", "'adapter' cannot be kept in place, its priming does not tune it"),
        ("none -> nothin", "unknown element 'nothin'"),
    ],
)
def test_what_would_mean_nothing_is_refused(text: str, said: str) -> None:
    with pytest.raises(StudyError, match=said):
        Strategy.parse(text)


def test_a_priming_that_is_not_tuned_after_is_not_tuned_in_full() -> None:
    strategies = [Strategy.parse(text) for text in ("none -> nothing", "none -> plm", "mtl[plm] -> nothing")]
    assert in_full(strategies[0], strategies) == [strategies[1]]
    assert in_full(strategies[2], strategies) == []


def test_a_priming_tells_what_it_leaves() -> None:
    assert Strategy(Priming.parse("mtl[plm+prompt]"), ("prompt",)).primed == ("plm", "prompt")
