"""The built-in questions: kinds of generated rows, each asked by several templates."""

from functools import cache

from priming.study.tasks import Tasks
from priming.tasks.prompted.kinds import QUESTION_KINDS, QuestionKind
from priming.tasks.sources.interface import Params, Source
from priming.tasks.task import Kind


@cache
def questions() -> dict[str, list[str]]:
    """The names of the tasks of each kind, one for each of its templates."""
    from priming.tasks.prompted.prepare import templates

    return {kind: [f"{kind}.{key}" for key in templates(kind)] for kind in QUESTION_KINDS}


class Prompted(Source):
    """A kind of question as one template asks it: rows with choices of their own, determined by a seed."""

    preparing, memory, reads_data = "priming.tasks.prompted.prepare", 150, False

    @classmethod
    def has(cls, tasks: Tasks, task: str) -> bool:
        """Whether the task is one of these and not redefined by the study."""
        kind = task.partition(".")[0]
        return kind in QUESTION_KINDS and task in questions()[kind] and task not in tasks.own

    @classmethod
    def built_in(cls) -> dict[str, list[str]]:
        """All questions, by intended role."""
        return {
            f"{part} questions": [
                name for kind, names in questions().items() if QUESTION_KINDS[kind].part == part for name in names
            ]
            for part in ("source", "target")
        }

    @property
    def _kind(self) -> QuestionKind:
        return QUESTION_KINDS[self.task.partition(".")[0]]

    def about(self) -> Params:
        """The sizes of the pools, and the seed."""
        return {"generated": self.tasks.generated.model_dump(mode="json")}

    @property
    def kind(self) -> Kind:
        """Choices of each row's own."""
        return "multiple_choice"

    @property
    def group(self) -> str:
        """The kind of question."""
        return self._kind.name

    @property
    def test_rows(self) -> int:
        """The number of test rows set in the study."""
        return self.tasks.generated.test

    @property
    def summary(self) -> str:
        """How many choices, and that they are the row's own."""
        return f"{self._kind.options} choices of the row's own"


SOURCE = Prompted
