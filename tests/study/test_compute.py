"""How passes are computed, where an algorithm differentiates them twice."""

import pytest

from priming.study import load_study

from .conftest import RATES, Changed, problem, with_strategy

STRATEGY = "maml[plm | plm x1] -> plm"


def changes(order: str, compute: str) -> tuple[tuple[str, str], ...]:
    maml = f"  maml: {{{RATES}, inner_{RATES}, order: {order}}}\n"
    return *with_strategy(STRATEGY, maml), ("priming:\n", f"compute: {{{compute}}}\npriming:\n")


@pytest.mark.parametrize(
    ("compute", "expected"),
    [
        ("checkpointing: true", "needs all their activations; leave it out, or set order: first"),
        ("compile: on", "compiled layers do not allow; allowed: auto, off, or order: first"),
        ("attention: fused", "fused attention does not allow; allowed: auto, eager, or order: first"),
    ],
)
def test_what_has_no_second_derivative(changed: Changed, compute: str, expected: str) -> None:
    key = compute.partition(":")[0]
    found = problem(changed(*changes("second", compute)))
    assert (
        f"line 9, compute.{key}: 'maml[plm | plm x1]' differentiates its inner steps once more, which {expected}"
        in found
    )
    assert load_study(changed(*changes("first", compute))).strategies[2] == STRATEGY


@pytest.mark.parametrize("compute", ["attention: auto", "attention: eager", "compile: auto", "compile: off"])
def test_what_has_one(changed: Changed, compute: str) -> None:
    assert load_study(changed(*changes("second", compute))).strategies[2] == STRATEGY


def test_layers_are_compiled_or_computed_again(changed: Changed) -> None:
    both = "checkpointing: true, compile: {}"
    assert problem(changed(*changes("first", both.format("on")))) == (
        "line 9, compute.compile: 'on', and with compute.checkpointing layers are computed again, which is not "
        "compiled; allowed: auto, off, or checkpointing: false"
    )
    assert load_study(changed(*changes("first", both.format("auto")))).compute.checkpointing
