"""Sentences of a language and the entities in them, drawn from a grammar that all languages share.

Languages differ in their words, in the order of subject, verb and object, in where qualities and particles stand, and
in endings. Names of persons, organisations and places have the same structure everywhere.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

from priming.forms.rows import Example
from priming.forms.tags import OUTSIDE, sentence
from priming.tasks.languages.table import lexicon
from priming.tasks.languages.words import Lexicon, generator

if TYPE_CHECKING:
    import numpy

TYPES = ("PER", "ORG", "LOC")
TAGS = (OUTSIDE, *(f"{mark}-{kind}" for kind in TYPES for mark in "BI"))
Words = list[tuple[str, str]]
"""Words with their tags."""
Some = TypeVar("Some")


class Speaker:
    """Speaks a language with random numbers of its own."""

    def __init__(self, words: Lexicon, random: "numpy.random.Generator") -> None:
        self.words, self.language, self.random = words, words.language, random

    def sentence(self) -> Example:
        """A clause, or as often in an encyclopedia a title or a list."""
        words = self._one_of(self._clause, self._clause, self._clause, self._move, self._title, self._list)
        return sentence([word for word, _ in words], [tag for _, tag in words])

    def _clause(self) -> Words:
        """Somebody does something to something, perhaps somewhere or at some time."""
        subject = self._case(self._one_of(self._person, self._organisation, self._common), "subject")
        verb = self._plain(self._word("act"))
        object_ = self._case(self._one_of(self._thing, self._thing, self._organisation, self._place), "object")
        parts = {"s": subject, "v": verb, "o": object_}
        words = [word for part in self.language.order for word in parts[part]]
        return words + self._one_of(list, self._where, self._when)

    def _move(self) -> Words:
        """Somebody goes from a place or to one."""
        subject = self._case(self._one_of(self._person, self._organisation), "subject")
        goal, verb = self._where(self._choice(("from", "in"))), self._plain(self._word("move"))
        return verb + subject + goal if self.language.order[0] == "v" else subject + verb + goal

    def _title(self) -> Words:
        """A name with what it is."""
        name = self._one_of(self._person, self._organisation, self._place)
        return [*name, ("(", OUTSIDE), *self._thing(), (")", OUTSIDE)]

    def _list(self) -> Words:
        """Names of several kinds."""
        first, second = self._one_of(self._person, self._organisation), self._one_of(self._place, self._person)
        return [*first, (",", OUTSIDE), *second]

    def _person(self) -> Words:
        """A given name, a family name or both, perhaps after a role, which is no part of it."""
        names = self._choice((("given", "family"), ("given", "family"), ("family",), ("given",)))
        role = self._plain(self._word("role")) if self.random.random() < 0.3 else []
        return role + _entity("PER", [self._name(kind) for kind in names])

    def _organisation(self) -> Words:
        """A brand; a firm with a brand, a person's name or a city; the order is that of nouns and qualities."""
        brand = self._name(self._choice(("brand", "brand", "family", "city")))
        if self.random.random() < 0.35:
            return _entity("ORG", [self._name("brand")])
        firm = self._word("firm")
        return _entity("ORG", [brand, firm] if self.language.adjective_first else [firm, brand])

    def _place(self) -> Words:
        """A city, perhaps after what kind of place it is, which is no part of it; or a city and what it is part of."""
        if self.random.random() < 0.15:
            return _entity("LOC", [self._name("city"), self._name("city")])
        kind = self._plain(self._word("kind_of_place")) if self.random.random() < 0.3 else []
        return kind + _entity("LOC", [self._name("city")])

    def _common(self) -> Words:
        """Somebody without a name."""
        return self._noun("person")

    def _thing(self) -> Words:
        return self._noun("thing")

    def _noun(self, kind: str) -> Words:
        """A common noun, perhaps with a quality, with the language's article."""
        noun = [self._word(kind)]
        if self.random.random() < 0.4:
            quality = self._word("quality")
            noun = [quality, *noun] if self.language.adjective_first else [*noun, quality]
        article = self.words.particles["the"]
        if self.language.article == "after":
            noun[-1] += article[:2]
        return [(word, OUTSIDE) for word in ([article, *noun] if self.language.article == "before" else noun)]

    def _where(self, particle: str = "in") -> Words:
        """At a place or something common."""
        noun = self._case(self._one_of(self._place, self._place, lambda: self._noun("place")), "place")
        mark = [(self.words.particles[particle], OUTSIDE)]
        return mark + noun if self.language.prepositions else noun + mark

    def _when(self) -> Words:
        return self._plain(self._word("time"))

    def _case(self, words: Words, case: str) -> Words:
        """With the ending of a case on the last word."""
        (*rest, (last, tag)), ending = words, self.language.endings.get(case, "")
        return [*rest, (last + ending, tag)]

    def _one_of(self, *makers: Callable[[], Words]) -> Words:
        return self._choice(makers)()

    def _choice(self, known: Sequence[Some]) -> Some:
        return known[int(self.random.integers(len(known)))]

    def _word(self, kind: str) -> str:
        return self._choice(self.words.words[kind])

    def _name(self, kind: str) -> str:
        return self._choice(self.words.names[kind])

    def _plain(self, word: str) -> Words:
        return [(word, OUTSIDE)]


def _entity(kind: str, words: list[str]) -> Words:
    return [(word, f"{'I' if place else 'B'}-{kind}") for place, word in enumerate(words)]


def sentences(language: str, part: str, seed: int) -> Iterator[Example]:
    """Sentences of a language, without end; those of each part of its data are drawn apart."""
    speaker = Speaker(lexicon(language), generator(language, part, str(seed)))
    while True:
        yield speaker.sentence()
