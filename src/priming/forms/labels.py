"""Labels that are too long for a PLM's outputs, or that its tokenizer cannot tell apart."""

from collections.abc import Callable, Mapping, Sequence

Ids = Callable[[Sequence[str]], Sequence[Sequence[int]]]
"""Maps texts to their token ids, untruncated, including the end token."""


def unfit_labels(labels: Mapping[str, Sequence[str]], ids_of: Ids, plm: str, longest: int) -> str | None:
    """Why a task's labels do not fit a PLM: one would be truncated, or two have the same tokens. None if all fit.

    Args:
        labels: the labels of each task, as the model writes them.
        ids_of: the PLM's tokenizer.
        plm: its name in the study.
        longest: its `max_output`.
    """
    ids = {task: dict(zip(own, ids_of(own), strict=True)) for task, own in labels.items()}
    needed, task, label = max(
        ((len(i), task, label) for task, own in ids.items() for label, i in own.items()), default=(0, "", "")
    )
    if needed > longest:
        also = sum(any(len(i) > longest for i in own.values()) for own in ids.values()) - 1
        more = f", as would labels of {also} other task{'s' if also > 1 else ''}" if also else ""
        problem = (
            f"the label {label!r} takes {needed} tokens including the end token, "
            f"but plms.{plm}.max_output is {longest}: it would be truncated{more}"
        )
        return f"task {task}: {problem}; set plms.{plm}.max_output to {needed} or more"
    for task, own in ids.items():
        first: dict[tuple[int, ...], str] = {}
        for label, found in own.items():
            if (same := first.setdefault(tuple(found), label)) != label:
                return (
                    f"task {task}: the labels {same!r} and {label!r} have the same tokens in PLM {plm}; "
                    "change the text of one of them"
                )
    return None
