"""Settings of tasks in the study file: where rows come from, the role of each task, how few examples are drawn."""

import re
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from priming.entries import one_of
from priming.errors import nearest
from priming.forms.table import KINDS
from priming.protocol.dev_sets import DEV_SETS
from priming.protocol.draws.table import DRAWS
from priming.protocol.duplicates import DUPLICATES
from priming.section import Fraction, Name, Positive, Section
from priming.study.partitions import PARTITIONS, PARTS, Partition, partition
from priming.study.problems import DisagreementError, Problem
from priming.study.template import columns_of
from priming.study.tuning import TaskMetric

TAG = re.compile(r"O|[BIES]-\S+")
"""A tag by which words of entities are marked."""

if TYPE_CHECKING:
    TaskKind = str
else:
    TaskKind = one_of(KINDS)

Label = str | int | float | bool
TagScheme = Literal["iob1", "iob2", "bioes"]
Fidelity = Literal["crossfit", "fixed"]
if TYPE_CHECKING:
    DrawName = str
    DevSetName = str
    DuplicatesName = str
else:
    DrawName = Literal[tuple(DRAWS)]
    DevSetName = Literal[tuple(DEV_SETS)]
    DuplicatesName = Literal[tuple(DUPLICATES)]
OTHER = "other"
"""The group of target tasks that `groups` leaves out."""


class Files(Section):
    """The user's own rows as JSONL, CSV, TSV, Parquet or CoNLL, by extension; paths are relative to the study file."""

    train: str = Field(description="File from which training and development examples are drawn.")
    test: str = Field(description="File of the test set.")
    dev: str | None = Field(None, description="File of the development set, where `dev_set` is `split`.")

    later = frozenset({"dev"})


class Hub(Section):
    """A data set of the Hugging Face hub, read through `datasets` from the hub or from a mirror folder."""

    id: str = Field(description="Such as cardiffnlp/tweet_eval.")
    config: str | None = Field(None, description="The configuration, where there are several.")
    revision: str | None = Field(None, description="Commit or branch, such as refs/convert/parquet.")
    train: list[str] | str = Field("train", description="Split or splits from which examples are drawn.")
    test: str = Field("test", description="Split of the test set.")
    dev: str | None = Field(None, description="Split of the development set, where `dev_set` is `split`.")

    later = frozenset({"dev"})


class TaskDefinition(Section):
    """A task of the user's own: exactly one of `files` and `hub`, and how a row becomes input and output."""

    later = frozenset({"scheme"})

    files: Files | None = Field(None, description="Rows from the user's own files.")
    hub: Hub | None = Field(None, description="Rows from the hub or a mirror of it.")
    kind: TaskKind = Field(
        "classification",
        description="`classification`: outputs are a few fixed labels; `text_to_text`: any text; `tagging`: a tag for "
        "each word, by which entities are marked.",
    )
    input: str = Field(
        description="Template of the input; {column} is replaced by the row's value. For tagging, the column of words "
        "alone; in CoNLL files, columns are named by number, from 0."
    )
    output: str = Field(description="The column that holds the label, the output text, or the tags.")
    labels: dict[Label, str] | None = Field(
        None,
        description="What the model writes for each value of the output column, all of them listed; default: the "
        "values themselves. For a column of named classes, list the names or their ids.",
    )
    scheme: TagScheme | None = Field(
        None,
        description="How the tags of a tagging task mark entities; they are turned into IOB2. Default: `iob2`.",
    )
    threshold: float | None = Field(
        None, description="For a numeric output column: values at or above it get the label of `true`, others `false`."
    )

    unusable: Literal["drop", "refuse"] | None = Field(
        None,
        description="A row without input or output, or with an unknown label: `drop` and count it, or `refuse` with an "
        "error; default: `drop` for tasks of the hub, `refuse` for your own files.",
    )
    unusable_share: Fraction = Field(
        0.01, description="Largest share of unusable rows that may be dropped, of the training and of the test rows."
    )
    metric: TaskMetric | None = Field(
        None, description="Metric for `scoring.metric: task`; default: accuracy, or exact_match without labels."
    )

    @property
    def dropped_share(self) -> float | None:
        """The largest share of rows that may be dropped as unusable; None if such a row is an error."""
        drops = (self.unusable or ("drop" if self.hub else "refuse")) == "drop"
        return self.unusable_share if drops else None

    @field_validator("input")
    @classmethod
    def _is_template(cls, value: str) -> str:
        columns_of(value)
        return value

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.files is None) == (self.hub is None):
            raise ValueError("give exactly one of files, hub")
        if self.threshold is not None and set(self.labels or ()) != {True, False}:
            raise ValueError("a threshold needs labels for true and false, as in {true: good, false: bad}")
        if not (KINDS[self.kind].labelled or KINDS[self.kind].by_word) and self.labels is not None:
            raise ValueError(f"a {self.kind} task has no labels; write 'kind: classification' or leave them out")
        return self

    @model_validator(mode="after")
    def _words_have_tags(self) -> Self:
        if not KINDS[self.kind].by_word:
            if self.scheme is not None:
                raise ValueError(f"a {self.kind} task has no tags; write 'kind: tagging' or leave out scheme")
            return self
        if self.input != f"{{{columns_of(self.input)[0]}}}":
            raise ValueError(f"input {self.input!r} is more than a column of words; write {{column}} alone")
        if self.output == columns_of(self.input)[0]:
            raise ValueError(f"input and output name the same column, {self.output!r}; name that of the tags as output")
        if self.threshold is not None:
            raise ValueError(f"a {self.kind} task has no threshold; leave it out")
        if wrong := [tag for tag in (self.labels or {}).values() if not TAG.fullmatch(tag)]:
            raise ValueError(
                f"labels: {wrong[0]!r} is no tag; write O, or a mark and a type without spaces, as in B-PER"
            )
        return self


class GeneratedTasks(Section):
    """Sizes of the generated tasks' pools."""

    train: Positive = Field(
        2000, description="Distinct examples in the pool of a source task, and their maximum for other tasks."
    )
    test: Positive = Field(200, description="Test examples of a development or target task.")
    seed: int = Field(0, description="Random seed of the rows.")


class Tasks(Section):
    """Tasks by role; a name is one of `define`, or of a built-in or CrossFit task (see `priming tasks list`)."""

    later = frozenset({"draw", "dev_set", "dev_limit", "duplicates"})

    hub_folder: str | None = Field(
        None,
        description="A folder laid out as the hub (<owner>/<name>/), read instead of the network; "
        "PRIMING_HUB in the environment overrides it.",
    )
    define: dict[Name, TaskDefinition] = Field({}, description="Tasks from the user's own files and from the hub.")
    generated: GeneratedTasks = GeneratedTasks()
    partition: Partition | None = Field(
        None,
        description="A partition of CrossFit; it provides source, development and target where these are not given.",
    )
    without: list[Name] = Field(
        ["eli5-askh", "eli5-asks", "eli5-eli5"],
        description="Tasks left out of the partition; default: those whose data are no longer available.",
    )
    fidelity: Fidelity = Field(
        "crossfit",
        description="CrossFit's tasks as published (`crossfit`), or with errors corrected and without test rows that "
        "occur in the sample (`fixed`).",
    )
    source: list[Name] = Field([], min_length=1, description="Tasks primed on.")
    development: list[Name] = Field(
        [], description="Tasks for choosing settings and primed checkpoints; never a target."
    )
    target: list[Name] = Field([], min_length=1, description="Tasks tuned and reported.")
    groups: dict[str, list[Name]] = Field(
        {},
        description="Groups of target tasks, `{NAME: [tasks]}`, for which gains are reported separately; the rest form "
        "the group `other`. Default: generated tasks by whether `source` has a related task, CrossFit's by category.",
    )
    task_prefix: bool = Field(
        False, description="Write ` [<task>] ` before each input, as CrossFit does, for priming and for tuning."
    )
    draw: DrawName | None = Field(
        None,
        description="Training rows of a task: a number per class (`per_class`, see `shots`), a number in all "
        "(`in_all`, see `shots_in_all`), or `all`. Default: `per_class` for classification, `in_all` for text-to-text.",
    )
    shots: Positive = Field(16, description="Training examples per class with `draw: per_class`.")
    shots_in_all: Positive = Field(32, description="Training examples with `draw: in_all`.")
    dev_set: DevSetName = Field(
        "drawn",
        description="The development set of a sample: `drawn` like the training examples, and as many; a `split` of "
        "the data (`dev` of the task's files or hub data set); or `none`, with `tuning.keep: last`.",
    )
    dev_limit: Positive | None = Field(
        None, description="Maximum rows of a development split, in a fixed random order; default: all."
    )
    duplicates: DuplicatesName = Field(
        "drop",
        description="Rows with the same input: `drop` keeps the first of the training rows, and removes test rows that "
        "are also in the sample; `keep` keeps all. Both count them. For CrossFit's tasks `fidelity` decides.",
    )
    samples: list[int] = Field([100, 13, 21, 42, 87], min_length=1, description="One few-shot draw for each number.")
    source_rows: Literal["pool", "samples"] = Field(
        "pool",
        description="What priming sees of a source task: its rows (`pool`), or, for CrossFit's tasks, the training and "
        "development examples of all samples (`samples`).",
    )
    source_limit: Positive = Field(2000, description="Maximum examples of a source task that priming sees.")
    test_limit: Positive | None = Field(None, description="Maximum test rows, in a fixed random order; default: all.")

    @model_validator(mode="before")
    @classmethod
    def _filled(cls, data: Any) -> Any:
        """The parts that the partition fills."""
        if not isinstance(data, dict) or data.get("partition") not in PARTITIONS:
            return data
        without = data.get("without", cls.model_fields["without"].default)
        return {
            part: [name for name in names if name not in without]
            for part, names in partition(data["partition"]).items()
        } | data

    @model_validator(mode="after")
    def _parts_are_given(self) -> Self:
        empty = [part for part in PARTS if part != "development" and not getattr(self, part)]
        if empty:
            what = "is missing; add '{}: [...]' ({}), or name a partition"
            raise DisagreementError(
                [
                    Problem(("tasks", part), what.format(part, str(Tasks.model_fields[part].description).rstrip(".")))
                    for part in empty
                ]
            )
        return self

    @model_validator(mode="after")
    def _parts_are_disjoint(self) -> Self:
        for key in ("source", "development", "target", "samples"):
            names = getattr(self, key)
            if twice := sorted({str(name) for name in names if names.count(name) > 1}):
                raise ValueError(f"{key} names {', '.join(twice)} twice")
        for a, b in (("source", "development"), ("source", "target"), ("development", "target")):
            if both := sorted(set(getattr(self, a)) & set(getattr(self, b))):
                raise ValueError(f"{', '.join(both)} in both {a} and {b}; a task plays one part")
        if "chunks" in {*self.source, *self.development, *self.target}:
            raise ValueError("no task can be named 'chunks': the folder of that name is the workflow's")
        return self

    @model_validator(mode="after")
    def _groups_are_of_targets(self) -> Self:
        grouped = [task for members in self.groups.values() for task in members]
        if strangers := [task for task in grouped if task not in self.target]:
            text = (
                f"{strangers[0]!r} is no target task{nearest(strangers[0], self.target)}; "
                "allowed: those of tasks.target"
            )
            raise DisagreementError([Problem(("tasks", "groups"), text)])
        if twice := sorted({task for task in grouped if grouped.count(task) > 1}):
            raise DisagreementError(
                [Problem(("tasks", "groups"), f"{', '.join(twice)} is named twice; a task is in one group")]
            )
        return self

    @property
    def develops(self) -> bool:
        """Whether samples have development sets."""
        return DEV_SETS[self.dev_set].there

    @property
    def named(self) -> list[str]:
        """The names of all its tasks, by part."""
        return [*self.source, *self.development, *self.target]
