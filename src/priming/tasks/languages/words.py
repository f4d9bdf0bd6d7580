"""Words of made-up languages: roots of two families, sound changes, endings, names."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy

VOWELS = "aeiou"
CONSONANTS = {"north": "bdfghklmnrstv", "south": "bcdjlmnpqrtz"}
"""Of the roots of each family."""
CONCEPTS: Mapping[str, int] = {
    "person": 24, "thing": 30, "place": 14, "act": 24, "move": 8, "make": 10, "quality": 20, "time": 10,
    "firm": 8, "role": 10, "kind_of_place": 6,
}  # fmt: skip
"""Numbers of common words by class; `firm` is the common part of an organisation's name, `role` stands before a
person's, `kind_of_place` before a place's.
"""
PARTICLES = ("in", "of", "and", "from", "the", "not")
NAMES: Mapping[str, int] = {"given": 60, "family": 70, "city": 70, "brand": 40}
"""Names in the gazetteer of a language; a part of them is also in those of others."""
SHARED_NAMES = 0.4
"""Share of a gazetteer that all languages of the world know, each in its own spelling."""
DOUBLE = 0.25
"""Share of the family names that are also names of cities, so that the sentence decides what they name."""


@dataclass(frozen=True)
class Language:
    """A language.

    Attributes:
        name: also the seed of its own words.
        part: the role of its task.
        family: whose roots it has.
        order: of subject, verb and object in a sentence, as in `svo`.
        adjective_first: whether qualities stand before what they describe.
        sounds: letters or groups that changed since the family's roots, in order.
        endings: case endings, by `subject`, `object`, `place`; an empty one changes nothing.
        article: whether common nouns have one: `before`, `after` as an ending, or none.
        prepositions: whether particles stand before their noun, else after it.
        own: share of its roots that no other language has.
    """

    name: str
    part: str
    family: str
    order: str
    adjective_first: bool
    sounds: Sequence[tuple[str, str]]
    endings: Mapping[str, str] = field(default_factory=dict)
    article: str = ""
    prepositions: bool = True
    own: float = 0.3


def generator(*keys: str) -> "numpy.random.Generator":
    """Random numbers made from keys."""
    import numpy  # not needed to plan a study

    return numpy.random.default_rng(int.from_bytes(hashlib.sha256("\0".join(keys).encode()).digest()))


class Lexicon:
    """The words of a language."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self.words = {kind: self._common(kind, number) for kind, number in CONCEPTS.items()}
        self.particles = {name: self._sounded(_root(language.family, "particle", name, 1)) for name in PARTICLES}
        names = {kind: self._names(kind, number) for kind, number in NAMES.items()}
        double = int(DOUBLE * len(names["family"]))
        self.names = {**names, "family": (*names["city"][:double], *names["family"][double:])}

    def _common(self, kind: str, number: int) -> tuple[str, ...]:
        """The words of a class: roots of the family after its sound changes, some replaced by its own."""
        random = generator(self.language.name, "own", kind)
        found = []
        for concept in range(number):
            own = random.random() < self.language.own
            origin = self.language.name if own else self.language.family
            found.append(self._sounded(_root(self.language.family, origin, f"{kind}{concept}", 2)))
        return tuple(found)

    def _names(self, kind: str, number: int) -> tuple[str, ...]:
        """Names that all languages know, spelt as here, then its own."""
        shared = int(SHARED_NAMES * number)
        world = [_root("north", "world", f"{kind}{n}", 3) for n in range(shared)]
        own = [_root(self.language.family, self.language.name, f"{kind}{n}", 3) for n in range(number - shared)]
        return tuple(self._sounded(name) for name in (*world, *own))

    def _sounded(self, root: str) -> str:
        for before, after in self.language.sounds:
            root = root.replace(before, after)
        return root


@cache
def _root(family: str, origin: str, what: str, syllables: int) -> str:
    """A root of so many syllables of a family's sounds, the same for the same origin."""
    random = generator("root", family, origin, what)
    sounds = CONSONANTS[family]
    parts = [sounds[int(random.integers(len(sounds)))] + VOWELS[int(random.integers(5))] for _ in range(syllables)]
    return "".join(parts) + (sounds[int(random.integers(len(sounds)))] if random.random() < 0.5 else "")
