"""A task of a study's own: where its rows are, and how a row becomes input and output."""

import re
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, field_validator, model_validator

from priming.entries import one_of
from priming.forms.table import KINDS
from priming.section import Fraction, Name, Section
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


_SAID = {
    "input": "the input with {column} for the row's values",
    "output": "the column of the label or output",
    "choices": "the columns of the choices, as in [first, second]",
}


class Files(Section):
    """The user's own rows as JSONL, CSV, TSV, Parquet or CoNLL, by extension; paths are relative to the study file."""

    train: str | None = Field(
        None, description="File from which training and development examples are drawn; required without `rows`."
    )
    test: str | None = Field(None, description="File of the test set; required without `rows`.")
    dev: str | None = Field(None, description="File of the development set, where `dev_set` is `split`.")
    rows: str | None = Field(
        None,
        description="In place of `train` and `test`: one file of all rows; a test set is drawn by a fixed seed.",
    )
    test_share: Fraction = Field(
        0.3, description="Share of `rows` that is the test set, of each value of the output column."
    )

    later = frozenset({"dev", "rows", "test_share"})

    @property
    def named(self) -> dict[str, str]:
        """The files that are named, by key."""
        given = {key: getattr(self, key) for key in ("train", "test", "dev", "rows")}
        return {key: file for key, file in given.items() if file is not None}

    @model_validator(mode="after")
    def _rows_or_parts(self) -> Self:
        if self.rows is not None:
            if others := [key for key in self.named if key != "rows"]:
                raise ValueError(f"rows and {' and '.join(others)} are both given; leave one out")
            if not self.test_share:
                raise ValueError(f"test_share is {self.test_share:g}; allowed: above 0, below 1")
            return self
        if missing := [key for key in ("train", "test") if getattr(self, key) is None]:
            fix = "or write 'rows: FILE' alone, and a test set is drawn from it"
            raise ValueError(f"{' and '.join(missing)} missing; add '{missing[0]}: FILE', {fix}")
        if "test_share" in self.model_fields_set:
            raise ValueError("test_share is for rows; leave it out, or write 'rows: FILE' in place of train and test")
        return self


class Hub(Section):
    """A data set of the Hugging Face hub, read through `datasets` from the hub or from a mirror folder."""

    id: str = Field(description="Such as cardiffnlp/tweet_eval.")
    config: str | None = Field(None, description="The configuration, where there are several.")
    revision: str | None = Field(None, description="Commit or branch, such as refs/convert/parquet.")
    train: list[str] | str = Field("train", description="Split or splits from which examples are drawn.")
    test: str = Field("test", description="Split of the test set.")
    dev: str | None = Field(None, description="Split of the development set, where `dev_set` is `split`.")

    later = frozenset({"dev"})


class TemplateText(Section):
    """A template of input and output in Jinja, in which columns are named as in `{{ premise }}`."""

    jinja: str = Field(description="Input and output, with ||| between them.")
    answer_choices: str | None = Field(
        None,
        description="The choices, with ||| between them; `answer_choices[label]` in `jinja` is one of them, from 0.",
    )
    name: str | None = Field(None, description="Its name where it was published; default: its key.")


class TaskDefinition(Section):
    """Tasks of the user's own: exactly one of `files` and `hub`, and how a row becomes input and output."""

    later = frozenset({"scheme", "choices", "counted_from", "templates", "classes", "group"})

    files: Files | None = Field(None, description="Rows from the user's own files.")
    hub: Hub | None = Field(None, description="Rows from the hub or a mirror of it.")
    kind: TaskKind = Field(
        "classification",
        description="`classification`: outputs are a few fixed labels; `text_to_text`: any text; `tagging`: a tag for "
        "each word, by which entities are marked; `multiple_choice`: one of the row's own choices.",
    )
    input: str = Field(
        "",
        description="Template of the input; {column} is replaced by the row's value. For tagging, the column of words "
        "alone; in CoNLL files, columns are named by number, from 0. Required without `templates`.",
    )
    output: str = Field(
        "",
        description="The column that holds the label, the output text, the tags, or the number or text of the right "
        "choice. Required without `templates`.",
    )
    choices: list[str] | str | None = Field(
        None, description="Of multiple choice: the columns of the choices, or one column that holds a list of them."
    )
    counted_from: Literal[0, 1] = Field(0, description="The number of the first choice in the output column.")
    templates: dict[Name, TemplateText] | str | None = Field(
        None,
        description="In place of input and output: templates by key, or a file of them in PromptSource's format. Each "
        "makes a task of its own, as `cb.can_we_infer` of `cb`; the name `cb` in a list of tasks stands for all of "
        "them. Of a file, for multiple choice, those with answer choices that ask what the data set is made for.",
    )
    classes: dict[str, list[str]] = Field(
        {},
        description="For templates: columns that hold names, each with all its names in the order in which templates "
        "count them, from 0.",
    )
    group: str | None = Field(
        None, description="The data set, for reports by group; default: with templates, the name of the definition."
    )
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
    def named_templates(self) -> dict[str, TemplateText]:
        """Its templates by key."""
        return self.templates if isinstance(self.templates, dict) else {}

    def key(self, task: str) -> str:
        """Where one of its tasks is defined in a study file."""
        return f"tasks.define.{task if self.templates is None else task.rpartition('.')[0]}"

    def template_of(self, task: str) -> TemplateText:
        """The template of one of its tasks."""
        return self.named_templates[task.rpartition(".")[2]]

    @property
    def dropped_share(self) -> float | None:
        """The largest share of rows that may be dropped as unusable; None if such a row is an error."""
        drops = (self.unusable or ("drop" if self.hub else "refuse")) == "drop"
        return self.unusable_share if drops else None

    @field_validator("input")
    @classmethod
    def _is_template(cls, value: str) -> str:
        if value:
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
    def _has_what_its_kind_needs(self) -> Self:
        kind, templated = KINDS[self.kind], self.templates is not None
        if templated and (kind.labelled or kind.by_word):
            raise ValueError(f"templates are for multiple_choice and text_to_text, not {self.kind}; leave them out")
        for key in ("input", "output", "choices"):
            given, needed = bool(getattr(self, key)), not templated and (key != "choices" or kind.own_choices)
            if given and templated:
                raise ValueError(f"{key} and templates are both given; leave one out")
            if needed and not given:
                raise ValueError(f"{key} is missing; add '{key}: ...' ({_SAID[key]})")
        if self.choices and not kind.own_choices:
            raise ValueError(f"a {self.kind} task has no choices; write 'kind: multiple_choice' or leave them out")
        if self.counted_from and not self.choices:
            raise ValueError("counted_from is for choices; leave it out, or name their columns")
        if self.classes and not templated:
            raise ValueError("classes are for templates; leave them out, or list labels")
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
