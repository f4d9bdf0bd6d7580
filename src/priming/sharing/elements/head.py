"""A head on an encoder, as plain tensors."""

from collections.abc import Iterator

from torch import Tensor

from priming.sharing.formats import plain
from priming.sharing.interface import Attached, Format, Shared

_HEAD = """
from torch.nn.functional import linear
head, labels = load_file(FILE), {labels}
def logits_of(**inputs):
    with torch.no_grad():
        states = model(**inputs).last_hidden_state[:, {where}]{hidden}
        return linear(states, head["weight"], head["bias"])
"""
_HIDDEN = """
        states = torch.tanh(linear(states, head["hidden_weight"], head["hidden_bias"]))"""


class SharedHead(Shared):
    """The classes that a task's labels are, read off the first token, or off every token."""

    name = "head"

    def formats(self, element: Attached) -> Iterator[Format]:
        """Vectors of a prompt stand in front of the first token."""
        front = 0 if element.model.prompt is None else len(element.model.prompt)
        hidden = _HIDDEN if element.options.hidden else ""
        where = f"{front}:" if element.by_word else str(front)
        code = _HEAD.format(labels=list(element.labels or ()), where=where, hidden=hidden)
        yield plain(element, lambda: _layers(element), code, answers=True)


def _layers(element: Attached) -> dict[str, Tensor]:
    """Matrices and biases of the one head that there is."""
    named = {name.removeprefix("head."): value for name, value in element.tensors.items()}
    return {name: value[0] if value.dim() == 3 else value for name, value in named.items()}


SHARED = SharedHead()
