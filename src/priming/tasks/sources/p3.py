"""The configurations of P3 that Wu et al. (2022) train and evaluate on."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from priming.errors import DataError
from priming.study.files import left_to_dvc
from priming.study.partitions import P3 as PARTITION
from priming.study.problems import Problem
from priming.study.tasks import Tasks
from priming.tasks.p3.places import mirror_of, story_files, story_params, unfit_templates
from priming.tasks.p3.registry import GROUPS, HUB, REVISION, Config, configs
from priming.tasks.sources.interface import Params, Request, Source
from priming.tasks.task import Kind


class P3(Source):
    """A data set with a template: texts for training, or rows with choices for evaluation."""

    preparing, memory, downloads = "priming.tasks.p3.prepare", 3000, True
    publishes = True

    @classmethod
    def has(cls, tasks: Tasks, task: str) -> bool:
        """Whether the task is a configuration and not redefined by the study."""
        return task not in tasks.define and task in configs()

    @classmethod
    def built_in(cls) -> dict[str, list[str]]:
        """All configurations, by what they are for."""
        return {
            f"P3, for {what}": [name for name, config in configs().items() if config.part == part]
            for part, what in GROUPS.items()
        }

    @classmethod
    def shown(cls, name: str, tasks: Tasks | None, base: Path) -> str | None:
        """Examples and tokens of the configurations for training, for the name of the partition."""
        if name != PARTITION:
            return None
        from priming.tasks.p3.tokens import described

        return described(tasks, base)

    @cached_property
    def config(self) -> Config:
        """What is known of it."""
        return configs()[self.task]

    def about(self) -> Params:
        """The configuration, and what it is made from where that is not the hub's."""
        return {"p3": self.task} | story_params(self.config, self.tasks)

    @property
    def kind(self) -> Kind:
        """Texts, or choices of each row's own."""
        return "text_to_text" if self.config.part == "train" else "multiple_choice"

    @property
    def group(self) -> str:
        """The data set."""
        return self.config.group

    @property
    def test_rows(self) -> int | None:
        """Those for evaluation."""
        return self.config.test

    def misplaced(self, part: str) -> str | None:
        """That the rows of one for training have no choices, and that those for evaluation are never trained on."""
        role = self.config.role
        if (part == "source") == (role == "source"):
            return None
        return f"{self.task!r} is a configuration for {GROUPS[self.config.part]}; name it in tasks.{role}"

    def problems(self, base: Path) -> Iterator[Problem]:
        """That the templates of its data set have not its own."""
        if lacking := unfit_templates(self.config, self.tasks):
            yield Problem(("tasks", "storycloze", "templates"), lacking)

    def missing(self, base: Path) -> str | None:
        """That it is not in the mirror, or that its files are not given."""
        try:
            self._files(base)
        except DataError as error:
            return str(error)
        return None

    @property
    def own_files(self) -> tuple[str, ...]:
        """Those of StoryCloze, of a task that is not on the hub."""
        stories = None if self.config.on_hub else self.tasks.storycloze
        return (stories.validation, stories.test) if stories else ()

    def raw_files(self, base: Path) -> list[Path]:
        """Its files: in the mirror, or those of StoryCloze; none for the live hub, and none where they are missing."""
        try:
            return self._files(base)
        except DataError:
            return []

    def _files(self, base: Path) -> list[Path]:
        """The same, but raises DataError where they are missing; none where DVC has them still."""
        if any(left_to_dvc(base / file) for file in self.own_files):
            return []
        if not self.config.on_hub:
            return sorted(story_files(self.config, self.tasks, base).values())
        mirror = mirror_of(self.config, self.tasks, base)
        return mirror.files(self.task) if mirror else []

    @property
    def request(self) -> Request | None:
        """The configuration."""
        return Request(f"task {self.task}", HUB, self.task, REVISION) if self.config.on_hub else None

    @property
    def summary(self) -> str:
        """The data set and its sizes."""
        config = self.config
        if config.part == "train":
            return f"{config.dataset}, {config.rows:,} rows"
        return f"{config.group}, {config.choices} choices, {config.test:,} test rows"


SOURCE = P3
