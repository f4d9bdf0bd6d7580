"""The grammar of priming strategies.

A strategy is written `PRIMING -> ELEMENTS [(with ELEMENTS)]`, with `nothing` in place of the tuned elements where the
model is scored as it is (zero-shot), and a priming `none` or `ALGORITHM[:VARIANT][OUTER | INNER xSTEPS]`:

    none -> prompt
    mtl[plm+adapter] -> adapter
    maml:first[plm+adapter | adapter x5] -> adapter
    mtl[plm+adapter] -> prompt (with adapter)
    mtl[plm] -> nothing

Every strategy and priming has a slug of letters, digits, `-`, `+` and `.` for files and rules, which reads back.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Self

from priming.algorithms.table import ALGORITHMS
from priming.elements.table import ELEMENTS
from priming.errors import StudyError, nearest

_PRIMING = re.compile(
    r"(?P<algorithm>[a-z]+)(?::(?P<variant>[a-z0-9]{1,50}))?"
    r"\[(?P<outer>[^|\]]*)(?:\|(?P<inner>[^\]]*?)x\s*(?P<steps>[0-9]{1,6})\s*)?\]"
)
_STRATEGY = re.compile(r"(?P<priming>.+?)\s*->\s*(?P<tuned>[^()]+?)\s*(?:\(\s*with\s+(?P<kept>[^()]+?)\s*\))?")
_FORM = "write 'none -> ELEMENTS' or 'ALGORITHM[OUTER | INNER xSTEPS] -> ELEMENTS (with ELEMENTS)'"
LONGEST = 400
"""Characters of the longest strategy that is read."""
NOTHING = "nothing"
"""What stands in place of the elements of a strategy that tunes none."""


@dataclass(frozen=True)
class Priming:
    """One way of priming: the algorithm, what it tunes, and what a meta-learner's inner loop moves, for how long."""

    algorithm: str
    outer: tuple[str, ...]
    inner: tuple[str, ...] = ()
    inner_steps: int = 0
    variant: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `mtl[plm+adapter]` or `maml:first[plm | adapter x1]`.

        Raises StudyError with the part that is wrong and what is allowed there.
        """
        match = _PRIMING.fullmatch(text.strip())
        if not match:
            raise StudyError(f"priming {text!r} cannot be read: {_FORM}")
        algorithm, inner = match["algorithm"], match["inner"]
        if algorithm not in ALGORITHMS:
            raise StudyError(
                f"priming {text!r}: unknown algorithm {algorithm!r}{nearest(algorithm, ALGORITHMS)}; "
                f"allowed: none, {', '.join(ALGORITHMS)}"
            )
        if ALGORITHMS[algorithm].has_inner_loop and inner is None:
            raise StudyError(
                f"priming {text!r}: {algorithm} has an inner loop; "
                f"say what it moves, as in {algorithm}[{match['outer']} | adapter x5]"
            )
        if not ALGORITHMS[algorithm].has_inner_loop and inner is not None:
            raise StudyError(
                f"priming {text!r}: {algorithm} has no inner loop; write {algorithm}[{match['outer'].strip()}]"
            )
        outer, moved = _elements(match["outer"], text), () if inner is None else _elements(inner, text)
        _apart((*outer, *moved), text)
        return cls(algorithm, outer, moved, int(match["steps"] or 0), match["variant"] or "")

    @property
    def section(self) -> str:
        """The key of its settings in the study file: `maml`, or `maml:first` for a variant."""
        return f"{self.algorithm}:{self.variant}" if self.variant else self.algorithm

    @property
    def elements(self) -> tuple[str, ...]:
        """Every element that takes part, in the order of ELEMENTS."""
        return tuple(e for e in ELEMENTS if e in (*self.outer, *self.inner))

    def __str__(self) -> str:
        inner = f" | {'+'.join(self.inner)} x{self.inner_steps}" if self.inner else ""
        return f"{self.section}[{'+'.join(self.outer)}{inner}]"

    @cached_property
    def slug(self) -> str:
        """`maml.first-plm+adapter-adapter.x5`."""
        inner = f"-{'+'.join(self.inner)}.x{self.inner_steps}" if self.inner else ""
        return f"{self.section.replace(':', '.')}-{'+'.join(self.outer)}{inner}"

    @classmethod
    def from_slug(cls, slug: str) -> Self:
        """The priming whose slug this is."""
        head, outer, *rest = slug.split("-")
        inner = f" | {rest[0].replace('.x', ' x')}" if rest else ""
        return cls.parse(f"{head.replace('.', ':')}[{outer}{inner}]")


@dataclass(frozen=True)
class Strategy:
    """A priming (None for an un-primed strategy), the elements tuned downstream, and those kept in place, frozen.

    Without tuned elements the model is scored as it is, which takes one run and no training.
    """

    priming: Priming | None
    tuned: tuple[str, ...]
    kept: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `none -> prompt` or `mtl[plm+adapter] -> nothing (with adapter)`; raises StudyError."""
        if len(text) > LONGEST:
            raise StudyError(f"strategy '{text[:50]}...' has more than {LONGEST} characters: {_FORM}")
        match = _STRATEGY.fullmatch(text.strip())
        if not match:
            raise StudyError(f"strategy {text!r} cannot be read: {_FORM}")
        priming = None if match["priming"].strip() == "none" else Priming.parse(match["priming"])
        tuned = () if match["tuned"].strip() == NOTHING else _elements(match["tuned"], text)
        kept = _elements(match["kept"], text) if match["kept"] else ()
        _apart((*tuned, *kept), text)
        primed = priming.outer if priming else ()
        for element in kept:
            if element in tuned or ELEMENTS[element].is_base:
                raise StudyError(
                    f"strategy {text!r}: {element!r} cannot be kept in place, "
                    f"it is {'tuned' if element in tuned else 'always there'}"
                )
            if element not in primed:
                raise StudyError(
                    f"strategy {text!r}: {element!r} cannot be kept in place, its priming does not tune it"
                )
        found = cls(priming, tuned, kept)
        if priming and not tuned and not found.primed:
            raise StudyError(
                f"strategy {text!r}: nothing of its priming would be scored; "
                f"write '{priming} -> {NOTHING} (with {'+'.join(priming.outer)})'"
            )
        return found

    @property
    def twin(self) -> "Strategy":
        """The un-primed strategy that tunes the same elements."""
        return Strategy(None, self.tuned)

    @property
    def elements(self) -> tuple[str, ...]:
        """Every element in the tuned model, in the order of ELEMENTS; the PLM always is."""
        return tuple(e for e in ELEMENTS if ELEMENTS[e].is_base or e in (*self.tuned, *self.kept))

    @property
    def moved(self) -> tuple[str, ...]:
        """Every element that is primed or tuned, in the order of ELEMENTS."""
        primed = self.priming.elements if self.priming else ()
        return tuple(e for e in ELEMENTS if e in (*primed, *self.tuned))

    @property
    def primed(self) -> tuple[str, ...]:
        """The elements whose primed values are in its model, themselves or as a part of what is."""
        outer = self.priming.outer if self.priming else ()
        return tuple(e for e in outer if {e, ELEMENTS[e].part_of} & set(self.elements))

    @property
    def tunes(self) -> str:
        """What is tuned, as it is written: `plm+adapter`, or `nothing`."""
        return "+".join(self.tuned) or NOTHING

    def __str__(self) -> str:
        kept = f" (with {'+'.join(self.kept)})" if self.kept else ""
        return f"{self.priming or 'none'} -> {self.tunes}{kept}"

    @cached_property
    def slug(self) -> str:
        """`mtl-plm+adapter--prompt.with.adapter`."""
        return f"{self.priming.slug if self.priming else 'none'}--{self.downstream}"

    @property
    def downstream(self) -> str:
        """What is tuned and kept, as slugs have it: `prompt.with.adapter`."""
        kept = f".with.{'+'.join(self.kept)}" if self.kept else ""
        return f"{self.tunes}{kept}"

    @classmethod
    def from_slug(cls, slug: str) -> Self:
        """The strategy whose slug this is."""
        priming, _, tuned = slug.partition("--")
        tuned, _, kept = tuned.partition(".with.")
        head = "none" if priming == "none" else str(Priming.from_slug(priming))
        return cls.parse(f"{head} -> {tuned}{f' (with {kept})' if kept else ''}")


def _apart(elements: tuple[str, ...], whole: str) -> None:
    """Raise StudyError where an element is named together with one that it is part of."""
    for element in elements:
        if (larger := ELEMENTS[element].part_of) in elements:
            raise StudyError(f"{whole!r}: {element!r} is part of {larger!r}; name one of the two")


def _elements(text: str, whole: str) -> tuple[str, ...]:
    """The elements of `plm+adapter`, in the order of ELEMENTS."""
    names = [name.strip() for name in text.split("+")]
    for name in names:
        if name not in ELEMENTS:
            raise StudyError(f"{whole!r}: {_unknown(name)}; allowed: {', '.join(ELEMENTS)}")
    if len(set(names)) < len(names):
        raise StudyError(f"{whole!r}: an element is named twice")
    return tuple(e for e in ELEMENTS if e in names)


def _unknown(name: str) -> str:
    """What is wrong with a name that is no element's."""
    if name == NOTHING:
        return f"{NOTHING!r} stands alone, after the arrow, where nothing is tuned"
    return f"unknown element {name!r}{nearest(name, ELEMENTS)}"
