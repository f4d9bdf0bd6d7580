"""The built-in tasks: rows from grammars and lexicons."""

from priming.study.tasks import Tasks
from priming.tasks.generated import GENERATED
from priming.tasks.sources.interface import Params, Source

RELATED = "with a related source task"
UNRELATED = "without a related source task"
HARD = "hard, not learnt by small models"

ALLOWED = {"source": ("source",), "development": ("development",), "target": ("target", "development")}
"""The built-in tasks allowed in each role: a study that chooses settings has development tasks as targets."""


class Generated(Source):
    """Rows generated on demand, determined by a seed."""

    preparing, memory, reads_data = "priming.tasks.generated.prepare", 150, False

    @classmethod
    def has(cls, tasks: Tasks, task: str) -> bool:
        """Whether the task is generated and not redefined by the study."""
        return task in GENERATED and task not in tasks.define

    @classmethod
    def built_in(cls) -> dict[str, list[str]]:
        """All generated tasks, by intended role."""
        return {part: [name for name, task in GENERATED.items() if task.part == part] for part in ALLOWED}

    def about(self) -> Params:
        """The sizes of the pools, and the seed."""
        return {"generated": self.tasks.generated.model_dump(mode="json")}

    @property
    def labels(self) -> tuple[str, ...]:
        """All labels of the task."""
        return GENERATED[self.task].labels or ()

    @property
    def group(self) -> str:
        """Grouped by whether the study primes on a task that asks for the same thing."""
        task = GENERATED[self.task]
        if task.hard:
            return HARD
        return RELATED if set(task.relatives) & set(self.tasks.source) else UNRELATED

    @property
    def test_rows(self) -> int:
        """The number of test rows set in the study."""
        return self.tasks.generated.test

    def misplaced(self, part: str) -> str | None:
        """A message if the task is not made for this role."""
        own = GENERATED[self.task].part
        if own in ALLOWED[part]:
            return None
        allowed = ", ".join(name for name, task in GENERATED.items() if task.part in ALLOWED[part])
        return f"{self.task!r} is a built-in {own} task; allowed: {allowed}"

    @property
    def summary(self) -> str:
        """Its labels, or a description of its outputs."""
        return super().summary or "a word of the input, or one that belongs to it"


SOURCE = Generated
