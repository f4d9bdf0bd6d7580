"""Classes read off a head on an encoder."""

from typing import ClassVar

from priming.forms.decoders import RANKING
from priming.forms.interface import CLASSIFICATION, Form, TaskKind


class Label(Form):
    """The labels of a classification task are the classes; the most likely one is the answer."""

    name, needs, elements = "label", "encode", ("head",)
    kinds: ClassVar[dict[str, TaskKind]] = {"classification": CLASSIFICATION}
    decoders = (RANKING,)
    training = "priming.forms.label_training"


FORM = Label()
