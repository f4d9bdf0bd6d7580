"""Settings of tasks in the study file: where rows come from, the role of each task, how few examples are drawn."""

from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, model_validator

from priming.errors import nearest
from priming.protocol.dev_sets import DEV_SETS
from priming.protocol.draws.table import DRAWS
from priming.protocol.duplicates import DUPLICATES
from priming.section import Name, Positive, Section, Seed
from priming.study.definition import TaskDefinition
from priming.study.partitions import PARTITIONS, PARTS, Partition, partition
from priming.study.problems import DisagreementError, Problem
from priming.study.storycloze import StoryCloze

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


class GeneratedTasks(Section):
    """Sizes of the generated tasks' pools."""

    train: Positive = Field(
        2000, description="Distinct examples in the pool of a source task, and their maximum for other tasks."
    )
    test: Positive = Field(200, description="Test examples of a development or target task.")
    seed: Seed = Field(0, description="Random seed of the rows.")


class Tasks(Section):
    """Tasks by role; a name is one of `define`, or of a built-in or CrossFit task (see `priming tasks list`)."""

    later = frozenset({"draw", "dev_set", "dev_limit", "duplicates", "storycloze"})

    hub_folder: str | None = Field(
        None,
        description="A folder laid out as the hub (<owner>/<name>/), read instead of the network; "
        "PRIMING_HUB in the environment overrides it.",
    )
    define: dict[Name, TaskDefinition] = Field({}, description="Tasks from the user's own files and from the hub.")
    generated: GeneratedTasks = GeneratedTasks()
    storycloze: StoryCloze | None = Field(
        None, description="Files of StoryCloze, from which those five of P3's tasks are made that are not on the hub."
    )
    partition: Partition | None = Field(
        None,
        description="A partition of CrossFit, or `p3`, the tasks of Wu et al. (2022); it provides source, development "
        "and target where these are not given.",
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
        "(`in_all`, see `shots_in_all`), as many in all with equally many of each label or of each place of the right "
        "choice (`balanced`), as many as its authors drew, by the sample's number as their seed (`published`, for P3's "
        "tasks), or `all`. Default: `per_class` for classification, `in_all` for text-to-text and multiple choice.",
    )
    shots: Positive = Field(16, description="Training examples per class with `draw: per_class`.")
    shots_in_all: Positive = Field(32, description="Training examples with `draw: in_all`, `balanced` or `published`.")
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
    samples: list[Seed] = Field([100, 13, 21, 42, 87], min_length=1, description="One few-shot draw for each number.")
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
    def _published_rows_are_all_there(self) -> Self:
        if self.draw and DRAWS[self.draw].published and self.duplicates != "keep":
            raise ValueError(f"draw: {self.draw} counts repeated rows too; add 'duplicates: keep'")
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

    def definition(self, name: str) -> TaskDefinition | None:
        """The definition of a task of the study's own, None of another; `cb.can_we_infer` is a template of `cb`."""
        whole, _, template = name.rpartition(".")
        found = self.define.get(name)
        if found is not None and found.templates is None:
            return found
        found = self.define.get(whole)
        return found if found is not None and template in found.named_templates else None

    def defined(self, name: str) -> TaskDefinition:
        """The definition of a task that is one of the study's own."""
        found = self.definition(name)
        assert found, name
        return found

    @property
    def own(self) -> list[str]:
        """The names of all tasks of the study's own, used or not."""
        return [
            task
            for name, found in self.define.items()
            for task in ([f"{name}.{key}" for key in found.named_templates] if found.templates is not None else [name])
        ]

    @property
    def develops(self) -> bool:
        """Whether samples have development sets."""
        return DEV_SETS[self.dev_set].there

    @property
    def named(self) -> list[str]:
        """The names of all its tasks, by part."""
        return [*self.source, *self.development, *self.target]
