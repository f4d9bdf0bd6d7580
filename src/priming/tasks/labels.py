"""Labels that a PLM cannot write whole, or cannot tell apart."""

from collections.abc import Callable, Mapping, Sequence

Ids = Callable[[Sequence[str]], Sequence[Sequence[int]]]
"""From texts to all of their token ids, the end token included."""


def unfit_labels(labels: Mapping[str, Sequence[str]], ids_of: Ids, plm: str, longest: int) -> str | None:
    """Why the labels of tasks do not fit a PLM: the longest is cut, or two of a task are the same tokens. None where all fit.

    Args:
        labels: of each task, as the model writes them.
        ids_of: the PLM's tokenizer.
        plm: what the study calls it.
        longest: its `max_output`.
    """
    ids = {task: dict(zip(own, ids_of(own), strict=True)) for task, own in labels.items()}
    needed, task, label = max(((len(i), task, label) for task, own in ids.items() for label, i in own.items()), default=(0, "", ""))
    if needed > longest:
        also = sum(any(len(i) > longest for i in own.values()) for own in ids.values()) - 1
        more = f", as would labels of {also} other task{'s' if also > 1 else ''}" if also else ""
        problem = f"the label {label!r} takes {needed} tokens, the end token included, and plms.{plm}.max_output is {longest}: it would be cut{more}"
        return f"task {task}: {problem}; set plms.{plm}.max_output to {needed} or more"
    for task, own in ids.items():
        first: dict[tuple[int, ...], str] = {}
        for label, found in own.items():
            if (same := first.setdefault(tuple(found), label)) != label:
                return f"task {task}: the labels {same!r} and {label!r} are the same tokens to PLM {plm}; give one of them another text"
    return None
