"""The notation of the registry: how the rows of a data set become the examples of one of CrossFit's tasks.

A *value* is a path into the row with filters, `answers.text|clean`: a step that meets a list goes on in each of its
members, `tokens[0]` takes one member. Names that start with `*` are made by `compute` and `options`; `*answer` is the
first output. A *template* is text with values in braces. Filters are listed in `priming.tasks.crossfit.language`.
"""

from typing import Any, Literal

from pydantic import Field, model_validator

from priming.study.base import Section
from priming.study.tuning import TaskMetric

Shots = Literal["per_class", "in_all"]
Relation = Literal["is", "is_not", "above", "below", "contains", "begins", "not_once", "fraction"]


class HubData(Section):
    """Where the hub has the data set now, and under which name it had it when CrossFit was made."""

    id: str
    config: str | None = None
    revision: str | None = Field(None, description="The branch with Parquet files, where the main branch is a script.")
    was: str | None = Field(None, description="The id then, where it was not the last part of the id now.")
    mirror: str | None = Field(None, alias="copy", description="A copy with data files that others use; not compared row by row.")


class WebData(Section):
    """JSON lines outside the hub: files by split, below `url`; a mirror has them below `id`."""

    id: str
    url: str
    files: dict[str, str]


class Licence(Section):
    """A licence, and who says so."""

    name: str
    source: str


class Pool(Section):
    """One split that is mapped, shuffled and cut: shares of it, or numbers of rows."""

    split: str
    train: list[int | float]
    test: list[int | float]


class Column(Section):
    """A column that was renamed and holds class ids of another order: its name now, and which part of a class name is the word."""

    now: str
    names: Literal["own", "after_colon"]


class Merge(Section):
    """Rows whose template `by` gives the same become one, in order of first appearance; `gather`ed columns become lists."""

    by: str
    gather: list[str]


class Options(Section):
    """Answer options, each written as `item` with its marker {m} and text {t}; A, B, C... where no markers are named.

    `embedded`: the text's first character is the marker, the text goes on from the third.
    """

    texts: str | list[str]
    markers: str | None = None
    embedded: bool = False
    item: str = " ({m}) {t}"
    filter: str | None = None
    shuffled: bool = False


class Band(Section):
    """A word for numbers below or above a bound."""

    word: str
    below: float | None = None
    above: float | None = None


class Words(Section):
    """A word for each class id; of a list of ids the most frequent, and no example where two are equally frequent."""

    of: str
    words: list[str] | dict[int, str]
    majority: bool = False


class Bands(Section):
    """A word by the band that a number lies in; no example between the bands."""

    of: str
    bands: list[Band]


class Number(Section):
    """A number as it is written."""

    value: str
    whole: bool = False
    plus: int = 0


class Text(Section):
    """A template."""

    text: str


class References(Section):
    """Several right outputs; `unordered` where CrossFit's order depends on the run of Python that made it."""

    references: str
    unique: Literal["unordered", "sorted", "first_seen"] | None = None
    filter: str | None = None
    nonempty: bool = False


class Option(Section):
    """The text of an option, found by its position, its letter, its number from 1, or its marker."""

    option: str
    by: Literal["position", "letter", "number", "marker"]


class Joined(Section):
    """Members of a list in one output; those only for which the list in `where` has that value."""

    joined: str
    by: str
    where: dict[str, int] = Field({})
    empty: str = ""


Output = Words | Bands | Number | Text | References | Option | Joined


class Entry(Section):
    """One task."""

    name: str
    category: str = Field(description="First and second level of CrossFit's ontology.")
    shots: Shots = Field(description="per_class: 16 examples for each different output; in_all: 32.")
    metric: TaskMetric
    hub: HubData | None = None
    web: WebData | None = None
    rows_of: str | None = Field(None, description="Other data sets with the same name here have the same rows, in part at least.")
    gone: str | None = Field(None, description="Why the data cannot be had any more.")
    licence: Licence | None = None
    pool: Pool | None = None
    train: str | None = None
    test: str | None = None
    test_share: float | None = Field(None, description="The test set is this share of the shuffled split.")
    rows: dict[str, int] = Field({}, description="Rows of the splits that CrossFit read, before any is left out.")
    columns: dict[str, Column] = Field({})
    skip: list[tuple[str, Relation, Any]] = Field([], description="Rows left out: value, relation, operand.")
    merge: Merge | None = None
    compute: list[dict[str, dict[str, Any]]] = Field([])
    options: Options | None = None
    input: str
    input_filter: str | None = None
    output: Output
    oddity: str | None = Field(None, description="What the fidelity `fixed` mends.")

    @model_validator(mode="before")
    @classmethod
    def _conditions_are_triples(cls, data: dict[str, Any]) -> dict[str, Any]:
        return data | {"skip": [tuple(condition) for condition in data.get("skip", ())]}

    @property
    def size(self) -> int:
        """Examples that CrossFit draws for training and again for development: a class, or in all."""
        return 16 if self.shots == "per_class" else 32

    @property
    def data(self) -> str:
        """The data set, as messages name it."""
        source = self.hub or self.web
        assert source
        config = self.hub.config if self.hub else None
        return f"{source.id} ({config})" if config else source.id

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that are read."""
        return (self.pool.split,) if self.pool else tuple(split for split in (self.train, self.test) if split)
