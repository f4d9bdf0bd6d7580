"""The study file on tasks: where rows come from, which task plays which part, how few examples are drawn."""

from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from priming.errors import nearest
from priming.study.base import Name, Positive, Section
from priming.study.partitions import PARTITIONS, PARTS, Partition, gym, partition
from priming.study.problems import DisagreementError, Problem
from priming.study.template import columns_of
from priming.study.tuning import TaskMetric

Label = str | int | float | bool
Fidelity = Literal["crossfit", "fixed"]
OTHER = "other"
"""The group of target tasks that `groups` leaves out."""


class Files(Section):
    """The user's own rows: JSONL, CSV, TSV or Parquet, told apart by their endings; paths are relative to the study file."""

    train: str = Field(description="File from which training and development examples are drawn.")
    test: str = Field(description="File of the test set.")


class Hub(Section):
    """A data set of the Hugging Face hub, read through `datasets` from the hub or from a mirror folder."""

    id: str = Field(description="Such as cardiffnlp/tweet_eval.")
    config: str | None = Field(None, description="The configuration, where there are several.")
    revision: str | None = Field(None, description="Commit or branch, such as refs/convert/parquet.")
    train: list[str] | str = Field("train", description="Split or splits from which examples are drawn.")
    test: str = Field("test", description="Split of the test set.")


class TaskDefinition(Section):
    """A task of the user's own: exactly one of `files` and `hub`, and how a row becomes input and output."""

    files: Files | None = Field(None, description="Rows from the user's own files.")
    hub: Hub | None = Field(None, description="Rows from the hub or a mirror of it.")
    kind: Literal["classification", "text_to_text"] = Field("classification", description="Whether outputs are a few fixed labels.")
    input: str = Field(description="Template of the input; {column} is replaced by the row's value.")
    output: str = Field(description="The column that holds the label or the output text.")
    labels: dict[Label, str] | None = Field(
        None, description="What the model writes for each value of the output column, all of them listed; the values themselves without it."
    )
    threshold: float | None = Field(None, description="For a numeric output column: values at or above it are labels' `true`, below it `false`.")

    metric: TaskMetric | None = Field(None, description="Its own metric, where `scoring.metric` is `task`; accuracy, or exact_match without labels.")

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
        if self.kind == "text_to_text" and self.labels is not None:
            raise ValueError("a text_to_text task has no labels; write 'kind: classification' or leave them out")
        return self


class GeneratedTasks(Section):
    """Sizes of the generated tasks' pools."""

    train: Positive = Field(2000, description="Different examples in the pool of a source task, and at most so many of any other.")
    test: Positive = Field(200, description="Test examples of a development or target task.")
    seed: int = Field(0, description="Fixes the rows.")


class Tasks(Section):
    """Tasks and their parts. A name is one of `define`, or else a built-in task or one of CrossFit's (see `priming tasks list`)."""

    hub_folder: str | None = Field(
        None, description="A folder laid out as the hub (<owner>/<name>/), read instead of the network; PRIMING_HUB in the environment overrides it."
    )
    define: dict[Name, TaskDefinition] = Field({}, description="Tasks from the user's own files and from the hub.")
    generated: GeneratedTasks = GeneratedTasks()
    partition: Partition | None = Field(
        None, description="A partition of CrossFit; it fills those of source, development and target that are not given."
    )
    without: list[Name] = Field(
        ["eli5-askh", "eli5-asks", "eli5-eli5"], description="Tasks that are left out of the partition; without it those whose data are gone."
    )
    fidelity: Fidelity = Field(
        "crossfit", description="CrossFit's tasks with their oddities, `crossfit`, or mended and without test rows that occur in the sample, `fixed`."
    )
    source: list[Name] = Field([], min_length=1, description="Tasks primed on.")
    development: list[Name] = Field([], description="Tasks on which settings and primed checkpoints are chosen; never a target.")
    target: list[Name] = Field([], min_length=1, description="Tasks tuned and reported.")
    groups: dict[str, list[Name]] = Field(
        {},
        description="Groups of target tasks, `{NAME: [tasks]}`, by which gains are reported apart; those left out are the group `other`. Without it "
        "generated tasks are grouped by whether `source` has a related task, CrossFit's by their category.",
    )
    task_prefix: bool = Field(False, description="Write ` [<task>] ` before each input, as CrossFit does, for priming and for tuning.")
    shots: Positive = Field(16, description="Examples a class for training and again for development, of a classification task.")
    shots_in_all: Positive = Field(32, description="Examples in all for training and again for development, of a text-to-text task.")
    samples: list[int] = Field([100, 13, 21, 42, 87], min_length=1, description="One few-shot draw for each number.")
    source_rows: Literal["pool", "samples"] = Field(
        "pool", description="What priming sees of a source task: its rows, or, of CrossFit's tasks, training and development examples of all samples."
    )
    source_limit: Positive = Field(2000, description="Examples of a source task that priming sees at the most.")
    test_limit: Positive | None = Field(None, description="Test rows at the most, the first in a fixed random order; all without it.")

    @model_validator(mode="before")
    @classmethod
    def _filled(cls, data: Any) -> Any:
        """The parts that the partition fills."""
        if not isinstance(data, dict) or data.get("partition") not in PARTITIONS:
            return data
        without = data.get("without", cls.model_fields["without"].default)
        return {part: [name for name in names if name not in without] for part, names in partition(data["partition"]).items()} | data

    @model_validator(mode="after")
    def _parts_are_given(self) -> Self:
        empty = [part for part in PARTS if part != "development" and not getattr(self, part)]
        if empty:
            what = "is missing; add '{}: [...]' ({}), or name a partition"
            raise DisagreementError(
                [Problem(("tasks", part), what.format(part, str(Tasks.model_fields[part].description).rstrip("."))) for part in empty]
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
            text = f"{strangers[0]!r} is no target task{nearest(strangers[0], self.target)}; allowed: those of tasks.target"
            raise DisagreementError([Problem(("tasks", "groups"), text)])
        if twice := sorted({task for task in grouped if grouped.count(task) > 1}):
            raise DisagreementError([Problem(("tasks", "groups"), f"{', '.join(twice)} is named twice; a task is in one group")])
        return self

    def in_gym(self, name: str) -> bool:
        """Whether the name is one of CrossFit's tasks, not defined anew by the study."""
        return name not in self.define and name in gym()
