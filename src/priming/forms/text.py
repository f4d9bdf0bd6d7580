"""Answers written by the model: labels of classification as text, and the outputs of text-to-text tasks."""

from collections.abc import Sequence
from typing import ClassVar

from priming.forms.decoders import BEAM, DECODERS, GREEDY, RANKING
from priming.forms.interface import CLASSIFICATION, Form, Labels, TaskKind


class Text(Form):
    """Labels can be ranked by their probability; any text can be generated."""

    name, needs = "text", "decode"
    kinds: ClassVar[dict[str, TaskKind]] = {
        "classification": CLASSIFICATION,
        "text_to_text": TaskKind(labelled=False, draw="in_all", metric="exact_match"),
    }
    decoders = (RANKING, GREEDY, BEAM)
    training = "priming.forms.text_training"

    def possible(self, decoders: Sequence[str], labels: Labels, generator: str) -> list[str]:
        """Ranking needs labels; `generator` where nothing else is left."""
        return [name for name in decoders if DECODERS[name].generates or labels is not None] or [generator]


FORM = Text()
