"""Ways of marking entities by tags of words, and how each is turned into IOB2, in which B begins every entity.

IOB1 (Ramshaw and Marcus, 1995) writes B only where an entity follows another of its type. BIOES also marks the last
word of an entity (E), and one of a single word (S).
"""

from collections.abc import Callable, Sequence

from priming.forms.tags import OUTSIDE


class TagError(ValueError):
    """A tag that the scheme does not allow at its place, the number of a word from 0."""

    def __init__(self, place: int, text: str) -> None:
        super().__init__(text)
        self.place = place


def iob1(tags: Sequence[str]) -> list[str]:
    """An inside tag that continues no entity begins one."""
    found, before = [], OUTSIDE
    for place, tag in enumerate(tags):
        mark, kind = _parts(place, tag, "BI")
        found.append(f"B-{kind}" if mark == "I" and before != kind else tag)
        before = kind
    return found


def iob2(tags: Sequence[str]) -> list[str]:
    """As they are; an inside tag must continue an entity of its type."""
    before = OUTSIDE
    for place, tag in enumerate(tags):
        mark, kind = _parts(place, tag, "BI")
        if mark == "I" and before != kind:
            raise TagError(place, f"{tag} continues no entity of its type, as iob2 demands; try scheme: iob1")
        before = kind
    return list(tags)


def bioes(tags: Sequence[str]) -> list[str]:
    """E becomes I, and S becomes B; every entity must be closed."""
    found, inside = [], OUTSIDE
    for place, tag in enumerate((*tags, OUTSIDE)):
        mark, kind = _parts(place, tag, "BIES")
        if (inside != OUTSIDE) != (mark in "IE") or (mark in "IE" and kind != inside):
            why = f"{tag} continues no entity"
            if inside != OUTSIDE:
                why = f"{tag if place < len(tags) else 'the end'} follows an entity of type {inside} that is not ended"
            raise TagError(min(place, len(tags) - 1), f"{why}, which bioes forbids; try scheme: iob2 or iob1")
        inside = kind if mark in "BI" else OUTSIDE
        found.append({"E": f"I-{kind}", "S": f"B-{kind}"}.get(mark, tag))
    return found[:-1]


SCHEMES: dict[str, Callable[[Sequence[str]], list[str]]] = {"iob1": iob1, "iob2": iob2, "bioes": bioes}


def _parts(place: int, tag: str, marks: str) -> tuple[str, str]:
    """The mark of a tag and the type of its entity, OUTSIDE for both outside."""
    if tag == OUTSIDE:
        return OUTSIDE, OUTSIDE
    mark, dash, kind = tag.partition("-")
    if not dash or not kind or len(mark) != 1 or mark not in marks:
        allowed = ", ".join(f"{mark}-<type>" for mark in marks)
        raise TagError(place, f"{tag!r} is no tag of this scheme; allowed: {OUTSIDE}, {allowed}")
    return mark, kind
