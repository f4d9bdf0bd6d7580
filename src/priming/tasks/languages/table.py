"""The languages: two to prime on and one to choose on, of either family; four targets of each family."""

from functools import cache

from priming.tasks.languages.words import Language, Lexicon

_ALL = (
    Language("norda", "source", "north", "svo", True, (), {"place": "i"}, "before"),
    Language("zulma", "source", "south", "svo", False, (), {"object": "n"}, ""),
    Language("ferin", "development", "north", "sov", True, (("k", "ch"), ("o", "u")), {"object": "et"}, "after"),
    Language("halde", "target", "north", "svo", True, (("d", "t"), ("a", "o")), {"place": "e"}, "before", own=0.15),
    Language("brekt", "target", "north", "vso", True, (("s", "z"), ("ru", "ro")), {"subject": "as"}, "after"),
    Language("kimma", "target", "north", "sov", False, (("v", "w"), ("e", "ie")), {"object": "ka", "place": "ssa"}),
    Language("tolvu", "target", "north", "svo", False, (("h", ""), ("t", "ts")), {}, "before", False, own=0.5),
    Language("pejra", "target", "south", "svo", False, (("p", "b"), ("o", "uo")), {"object": "m"}, "before", own=0.15),
    Language("quali", "target", "south", "sov", True, (("j", "y"), ("a", "ae")), {"place": "til"}, ""),
    Language("zendo", "target", "south", "vso", False, (("l", "r"), ("c", "ts")), {"subject": "u"}, "after"),
    Language("murab", "target", "south", "sov", False, (("q", "k"), ("i", "e")), {"object": "po"}, "", False, own=0.5),
)

LANGUAGES = {language.name: language for language in _ALL}
"""By name, which is that of the task too."""


@cache
def lexicon(language: str) -> Lexicon:
    """The lexicon of one of LANGUAGES."""
    return Lexicon(LANGUAGES[language])
