"""Which update rules a study file can name as `optimizer`, in the order in which everything lists them."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from priming.runs.update_rules.interface import UpdateRule

MODULES = {name: f"priming.runs.update_rules.{name}" for name in ("adamw", "sgd", "adafactor")}
"""The module of each rule, which defines it as `RULE`; imported on use, so that a study is read without torch."""

HELD = {"adamw": 3.25, "sgd": 1.0, "adafactor": 0.05}
"""Numbers that each rule holds at one time for each parameter, beside its value and gradient: moments, scratch."""

PLAIN = frozenset({"sgd"})
"""Rules without a memory, whose step is the gradient times a rate: inner steps of these can be differentiated."""


def update_rule(name: str) -> "type[UpdateRule]":
    """The update rule of this name."""
    rule: type[UpdateRule] = import_module(MODULES[name]).RULE
    return rule
