"""The forms of tasks, in the order in which they are listed, and the form of a task on a backbone."""

from collections.abc import Collection, Iterable, Iterator, Mapping

from priming.elements.table import in_place
from priming.entries import Table
from priming.errors import StudyError
from priming.forms.interface import Form, TaskKind

FORMS: Table[Form] = Table("FORM", "priming.forms", ("text", "label", "tags", "choices"))
"""Each module defines its form as `FORM`."""


class _Kinds(Mapping[str, TaskKind]):
    """The kinds of all forms, those of a user's own included."""

    def __getitem__(self, name: str) -> TaskKind:
        return next(form.kinds[name] for form in FORMS.values() if name in form.kinds)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name for form in FORMS.values() for name in form.kinds))

    def __len__(self) -> int:
        return len(list(iter(self)))


KINDS = _Kinds()
"""Kinds of tasks."""


def form_of_kind(kind: str) -> Form:
    """The form that reads and scores tasks of a kind; all forms of a kind agree on rows, metrics and baselines."""
    return next(form for form in FORMS.values() if kind in form.kinds)


def module_of_kind(kind: str) -> str:
    """The module of that form."""
    return FORMS.modules[form_of_kind(kind).name]


def forms_on(passes: Collection[str]) -> list[Form]:
    """The forms that a backbone with these passes can have: what a form needs has a place there."""
    return [
        form
        for form in FORMS.values()
        if form.needs in passes and in_place(form.elements, passes) == tuple(form.elements)
    ]


def form_on(passes: Collection[str], kinds: Iterable[str], plm: str) -> Form:
    """The form of tasks of these kinds on a backbone with these passes.

    Raises:
        StudyError: no form covers all of them; `plm` names the PLM in the message.
    """
    wanted = set(kinds)
    able = forms_on(passes)
    if form := next((form for form in able if wanted <= set(form.kinds)), None):
        return form
    allowed = dict.fromkeys(kind for form in able for kind in form.kinds)
    if unfit := sorted(wanted - allowed.keys()):
        raise StudyError(
            f"PLM {plm!r} cannot answer tasks of kind {', '.join(unfit)}; allowed for it: {', '.join(allowed)}"
        )
    raise StudyError(f"PLM {plm!r} does not answer tasks of the kinds {', '.join(sorted(wanted))} in one way")
