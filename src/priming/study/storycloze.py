"""StoryCloze in the study file: P3's five tasks that are not on the hub are made from its own files."""

from typing import Literal

from pydantic import Field

from priming.section import Name, Section
from priming.study.definition import TemplateText

TEMPLATES = "story_cloze/2016/templates.yaml"


class StoryCloze(Section):
    """The files of StoryCloze (2016), whose rows its authors give on request, and PromptSource's templates for it."""

    later = frozenset({"last_token"})

    validation: str = Field(description="CSV of the validation set, from which samples are drawn.")
    test: str = Field(description="CSV of the test set. Paths are relative to the study file.")
    templates: dict[Name, TemplateText] | str = Field(
        TEMPLATES,
        description="PromptSource's file of templates, beside the study file or below the folder that the environment "
        "variable PRIMING_TEMPLATES names; or the templates by key, as `Answer_Given_options`.",
    )
    last_token: Literal["kept", "dropped"] = Field(
        "kept",
        description="The last token of each choice, usually its full stop, before the end token: `dropped` in training "
        "and in scores, as the code of Wu et al. (2022) does, which takes it for the end token.",
    )

    @property
    def named_templates(self) -> dict[str, TemplateText]:
        """Its templates by key; none where their file was not read."""
        return self.templates if isinstance(self.templates, dict) else {}
