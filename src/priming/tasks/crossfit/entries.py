"""The notation of the registry, which maps the rows of a data set to the examples of a CrossFit task.

A *value* is a path into the row with filters, `answers.text|clean`: a step applied to a list continues in each member;
`tokens[0]` takes one member. Names that start with `*` come from `compute` and `options`; `*answer` is the first
output. A *template* is text with values in braces. Filters are listed in `priming.tasks.crossfit.language`.
"""

from functools import cache
from typing import Any, Literal

from pydantic import Field, model_validator

from priming.forms.table import KINDS
from priming.section import Section
from priming.study.tuning import TaskMetric
from priming.tasks.task import Kind

Shots = Literal["per_class", "in_all"]
"""How CrossFit draws a task: as all tasks of a kind are drawn."""
Relation = Literal["is", "is_not", "above", "below", "contains", "begins", "not_once", "fraction"]


class HubData(Section):
    """The data set's present place on the hub, and its name when CrossFit was made."""

    id: str
    config: str | None = None
    revision: str | None = Field(None, description="The branch with Parquet files, if the main branch is a script.")
    was: str | None = Field(None, description="The former id, if it is not the last part of the present id.")
    mirror: str | None = Field(
        None, alias="copy", description="A widely used copy with data files; not compared row by row."
    )


class WebData(Section):
    """JSON lines outside the hub: files by split, below `url`; a mirror has them below `id`."""

    id: str
    url: str
    files: dict[str, str]


class Licence(Section):
    """A licence and its source."""

    name: str
    source: str


class Pool(Section):
    """One split that is mapped, shuffled and cut, into fractions or numbers of rows."""

    split: str
    train: list[int | float]
    test: list[int | float]


class Column(Section):
    """A renamed column with reordered class ids: its present name, and the part of a class name that is the word."""

    now: str
    names: Literal["own", "after_colon"]


class Merge(Section):
    """Merge rows with equal template `by`, in order of first appearance; `gather`ed columns become lists."""

    by: str
    gather: list[str]


class Options(Section):
    """Answer options, each written as `item` with its marker {m} and text {t}; the default markers are A, B, C...

    `embedded`: the first character is the marker, and the text starts at the third.
    """

    texts: str | list[str]
    markers: str | None = None
    embedded: bool = False
    item: str = " ({m}) {t}"
    filter: str | None = None
    shuffled: bool = False


class Band(Section):
    """A word for numbers below a bound, and one for numbers above it."""

    word: str
    below: float | None = None
    above: float | None = None


class Words(Section):
    """A word for each class id; for a list of ids the most frequent one, and no example in case of a tie."""

    of: str
    words: list[str] | dict[int, str]
    majority: bool = False


class Bands(Section):
    """A word for each band of numbers; no example between the bands."""

    of: str
    bands: list[Band]


class Number(Section):
    """A number as written."""

    value: str
    whole: bool = False
    plus: int = 0


class Text(Section):
    """A template."""

    text: str


class References(Section):
    """Several correct outputs; `unordered` if CrossFit's order depends on the Python run that wrote it."""

    references: str
    unique: Literal["unordered", "sorted", "first_seen"] | None = None
    filter: str | None = None
    nonempty: bool = False


class Option(Section):
    """The text of an option, found by its position, its letter, its number from 1, or its marker."""

    option: str
    by: Literal["position", "letter", "number", "marker"]


class Joined(Section):
    """Members of a list in one output, restricted to those with the given value in the list `where`."""

    joined: str
    by: str
    where: dict[str, int] = Field({})
    empty: str = ""


Output = Words | Bands | Number | Text | References | Option | Joined


@cache
def kind_of_shots(shots: str) -> Kind:
    """The kind of tasks that CrossFit draws so."""
    return next(name for name, kind in KINDS.items() if kind.draw == shots)


class Entry(Section):
    """One task."""

    name: str
    category: str = Field(description="First and second level of CrossFit's ontology.")
    shots: Shots = Field(description="per_class: 16 examples for each different output; in_all: 32.")
    metric: TaskMetric
    hub: HubData | None = None
    web: WebData | None = None
    rows_of: str | None = Field(None, description="Data sets with the same name here share rows, at least in part.")
    gone: str | None = Field(None, description="Why the data are no longer available.")
    licence: Licence | None = None
    pool: Pool | None = None
    train: str | None = None
    test: str | None = None
    test_share: float | None = Field(None, description="The test set is this fraction of the shuffled split.")
    rows: dict[str, int] = Field({}, description="Rows of the splits that CrossFit read, before any are excluded.")
    columns: dict[str, Column] = Field({})
    skip: list[tuple[str, Relation, Any]] = Field([], description="Excluded rows: value, relation, operand.")
    merge: Merge | None = None
    compute: list[dict[str, dict[str, Any]]] = Field([])
    options: Options | None = None
    input: str
    input_filter: str | None = None
    output: Output
    oddity: str | None = Field(None, description="Corrections in the fidelity `fixed`.")

    @model_validator(mode="before")
    @classmethod
    def _conditions_are_triples(cls, data: dict[str, Any]) -> dict[str, Any]:
        return data | {"skip": [tuple(condition) for condition in data.get("skip", ())]}

    @property
    def kind(self) -> Kind:
        """Its kind."""
        return kind_of_shots(self.shots)

    @property
    def size(self) -> int:
        """Examples that CrossFit draws for training and again for development: a class, or in all."""
        return 16 if KINDS[self.kind].labelled else 32

    @property
    def data(self) -> str:
        """The name of the data set in messages."""
        source = self.hub or self.web
        assert source
        config = self.hub.config if self.hub else None
        return f"{source.id} ({config})" if config else source.id

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits to read."""
        return (self.pool.split,) if self.pool else tuple(split for split in (self.train, self.test) if split)

    @property
    def test_rows(self) -> int | None:
        """Test rows, of those that CrossFit found, before any are excluded; None if their number is not known."""
        if self.pool:
            first, last = self.pool.test
            there = self.rows.get(self.pool.split)
            if there is None or isinstance(first, int):
                return None if there is None else int(min(last, there) - min(first, there))
            return int(last * there) - int(first * there)
        there = self.rows.get(self.test or self.train or "")
        return there if there is None or self.test_share is None else int(self.test_share * there)
