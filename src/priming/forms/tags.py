"""A tag for each word, by which a sentence's entities are marked (IOB2)."""

from collections.abc import Sequence
from typing import Any, ClassVar

from priming.forms.decoders import RANKING
from priming.forms.interface import Form, Labels, TaskKind
from priming.forms.rows import Example

OUTSIDE = "O"
"""The tag of a word outside all entities."""


class Tags(Form):
    """The tags of a task are classes of words; the most likely one of each word is the answer.

    A row is held as an example whose input is its words, and whose only target is its tags, both joined by spaces.
    """

    name, needs, elements = "tags", "encode", ("head",)
    kinds: ClassVar[dict[str, TaskKind]] = {
        "tagging": TaskKind(labelled=False, draw="in_all", metric="entity_f1", by_word=True)
    }
    decoders = (RANKING,)
    cut = "word", "max_input"
    training = "priming.forms.tags_training"
    schema = "{'tokens': [text, ...], 'tags': [text, ...]}"

    def read_row(self, value: Any) -> Example:
        """The sentence that a JSON value holds."""
        return sentence(value["tokens"], value["tags"])

    def written_row(self, row: Example) -> dict[str, Any]:
        """The words and tags of a sentence."""
        return {"tokens": row.input.split(" "), "tags": row.targets[0].split(" ")}

    def chance(self, rows: Sequence[Example], labels: Labels) -> float:
        """None: whole entities are not guessed."""
        return 0.0

    def constant(self, rows: Sequence[Example]) -> tuple[str, list[str]]:
        """The tag of most words, that of words outside entities."""
        return OUTSIDE, [" ".join(OUTSIDE for _ in row.targets[0].split(" ")) for row in rows]


def sentence(tokens: Sequence[str], tags: Sequence[str]) -> Example:
    """The example of a sentence.

    Raises:
        ValueError: no word, another number of tags, or a word or tag that is empty or has a space in it.
        TypeError: a word or tag that is no text.
    """
    if not tokens or len(tokens) != len(tags):
        raise ValueError(f"{len(tokens)} words and {len(tags)} tags")
    for one in (*tokens, *tags):
        if not isinstance(one, str):
            raise TypeError(f"{one!r} is no text")
        if not one or " " in one:
            raise ValueError(f"{one!r} is empty or has a space in it")
    return Example(" ".join(tokens), (" ".join(tags),))


FORM = Tags()
