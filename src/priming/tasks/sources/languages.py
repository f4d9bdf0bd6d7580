"""The built-in languages: sentences with entities from grammars, for tagging tasks."""

from priming.study.tasks import Tasks
from priming.tasks.languages.table import LANGUAGES
from priming.tasks.sources.generated import ALLOWED
from priming.tasks.sources.interface import Params, Source
from priming.tasks.task import Kind


class Languages(Source):
    """Sentences generated on demand, determined by a seed."""

    preparing, memory, reads_data = "priming.tasks.languages.prepare", 150, False
    has_dev_split = True

    @classmethod
    def has(cls, tasks: Tasks, task: str) -> bool:
        """Whether the task is one of the languages and not redefined by the study."""
        return task in LANGUAGES and task not in tasks.define

    @classmethod
    def built_in(cls) -> dict[str, list[str]]:
        """All languages, by intended role."""
        return {f"{part} languages": [name for name, own in LANGUAGES.items() if own.part == part] for part in ALLOWED}

    def about(self) -> Params:
        """The sizes of the parts, and the seed."""
        return {"generated": self.tasks.generated.model_dump(mode="json")}

    @property
    def kind(self) -> Kind:
        """A tag for each word."""
        return "tagging"

    @property
    def labels(self) -> tuple[str, ...]:
        """All tags."""
        from priming.tasks.languages.grammar import TAGS

        return TAGS

    @property
    def group(self) -> str:
        """By the family of the language."""
        return f"languages of the {LANGUAGES[self.task].family}"

    @property
    def test_rows(self) -> int:
        """The number of test rows set in the study."""
        return self.tasks.generated.test

    def misplaced(self, part: str) -> str | None:
        """A message if the language is not made for this role."""
        own = LANGUAGES[self.task].part
        if own in ALLOWED[part]:
            return None
        allowed = ", ".join(name for name, language in LANGUAGES.items() if language.part in ALLOWED[part])
        return f"{self.task!r} is a built-in {own} language; allowed: {allowed}"


SOURCE = Languages
