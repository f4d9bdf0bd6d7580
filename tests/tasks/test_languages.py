"""The made-up languages: fixed by their seed, of one structure, with words of their own, cognates and shared names."""

from itertools import islice

import pytest

from priming.evaluation.metrics.entities import strict
from priming.forms.rows import Example
from priming.study.tasks import GeneratedTasks, Tasks
from priming.tasks.languages.grammar import TAGS, TYPES, sentences
from priming.tasks.languages.pretraining import language_texts
from priming.tasks.languages.table import LANGUAGES, lexicon
from priming.tasks.languages.words import Lexicon
from priming.tasks.sources.table import source_of

NUMBER = 600
each = pytest.mark.parametrize("name", LANGUAGES)


def drawn(name: str, part: str = "train", seed: int = 0, number: int = NUMBER) -> list[Example]:
    return list(islice(sentences(name, part, seed), number))


def entities(row: Example) -> list[tuple[str, str]]:
    words = row.input.split(" ")
    return [(e.type, " ".join(words[e.start : e.end])) for e in strict(row.targets[0].split(" "))]


@each
def test_sentences_are_fixed_by_part_and_seed(name: str) -> None:
    assert drawn(name) == drawn(name)
    assert drawn(name) != drawn(name, "test")
    assert drawn(name) != drawn(name, seed=1)


@each
def test_every_type_occurs_and_tags_are_iob2(name: str) -> None:
    rows = drawn(name)
    found = [kind for row in rows for kind, _ in entities(row)]
    assert all(0.15 < found.count(kind) / len(found) < 0.6 for kind in TYPES)
    assert {tag for row in rows for tag in row.targets[0].split(" ")} == set(TAGS)
    starts = sum(tag.startswith("B-") for row in rows for tag in row.targets[0].split(" "))
    assert starts == len(found)  # no inside tag stands alone


@each
def test_some_names_are_of_two_types(name: str) -> None:
    """A family name that is a city's too: the sentence decides."""
    known: dict[str, set[str]] = {}
    for row in drawn(name, number=4000):
        for kind, text in entities(row):
            known.setdefault(text, set()).add(kind)
    assert sum(len(kinds) > 1 for kinds in known.values()) > 5


def test_languages_of_a_family_have_cognates_and_all_share_names() -> None:
    def shared(a: Lexicon, b: Lexicon) -> float:
        pairs = [pair for kind, own in a.words.items() for pair in zip(own, b.words[kind], strict=True)]
        return sum(x == y for x, y in pairs) / len(pairs)

    norda, halde, zulma = lexicon("norda"), lexicon("halde"), lexicon("zulma")
    assert shared(norda, zulma) == 0
    assert 0.02 < shared(norda, halde) < 0.9  # sounds have changed in most words
    assert set(norda.names["city"]) & set(zulma.names["city"])
    assert set(norda.names["city"]) - set(zulma.names["city"])


def test_parts_of_speech_stand_in_the_language_s_order() -> None:
    """In a verb-first language, clauses begin with a verb; in a verb-last one, none does."""
    for name, first in (("brekt", True), ("kimma", False)):
        verbs = set(lexicon(name).words["act"])
        begin = sum(row.input.split(" ")[0] in verbs for row in drawn(name))
        assert (begin > NUMBER / 4) == first, name


def test_a_task_of_a_language() -> None:
    tasks = Tasks.model_construct(define={}, generated=GeneratedTasks(train=50, test=20))
    source = source_of(tasks, "halde")
    task = source.load(None)  # type: ignore[arg-type]
    assert task.dev is not None
    assert [len(task.train), len(task.dev), len(task.test)] == [50, 20, 20]
    assert (task.kind, task.labels, source.group) == ("tagging", TAGS, "languages of the north")
    assert source.misplaced("source") == ("'halde' is a built-in target language; allowed: norda, zulma")
    assert source.misplaced("target") is None


def test_pretraining_texts_are_of_all_languages() -> None:
    texts = language_texts(1100, 0)
    assert len(texts) == len(set(texts)) > 1000
    words = set(" ".join(texts).split(" "))
    assert all(len(words & set(lexicon(name).words["act"])) > 15 for name in LANGUAGES)
