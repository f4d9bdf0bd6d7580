"""Rows to examples, worked out by hand."""

from typing import Any

import pytest

from priming.errors import DataError
from priming.forms.rows import Example
from priming.study.tasks import Fidelity
from priming.tasks.crossfit import registry
from priming.tasks.crossfit.render import rendered
from priming.tasks.reading.rows import Row

Values = dict[str, Any]


def examples(name: str, *rows: Values, fidelity: Fidelity = "crossfit") -> list[Example]:
    return list(
        rendered(registry.entry(name, fidelity), [Row(f"data, train row {i}", row) for i, row in enumerate(rows, 1)])
    )


ARC = {"question": "Why?", "choices": {"text": ["x", "y"], "label": ["1", "2"]}, "answerKey": "2"}
PIQA = {"goal": "g", "sol1": "s", "sol2": "t", "label": 1}
COPA = {"premise": "P.", "choice1": "a", "choice2": "b", "question": "cause", "label": 0}

CASES: dict[str, tuple[str, Values, str, tuple[str, ...]]] = {
    "a label": (
        "glue-rte",
        {"sentence1": "a", "sentence2": "b", "label": 1},
        "sentence 1: a [SEP] sentence 2: b",
        ("not_entailment",),
    ),
    "a boolean": ("boolq", {"question": "q", "passage": "p", "answer": True}, "question: q [SEP] context: p", ("yes",)),
    "markers of the data set": ("ai2_arc", ARC, "Why? (1) x (2) y", ("y",)),
    "markers in the options": (
        "aqua_rat",
        {"question": "a\nb", "options": ["A)1", "B)2"], "correct": "B"},
        "a b (A) 1 (B) 2",
        ("2",),
    ),
    "a number from one": (
        "wino_grande",
        {"sentence": "s _", "option1": "p", "option2": "q", "answer": "2"},
        "s _ (A) p (B) q",
        ("q",),
    ),
    "a digit": ("piqa", PIQA, "goal: g [SEP] solution 1s [SEP] solution 2t", ("1",)),
    "stars from zero": ("yelp_review_full", {"text": "a\\nb", "label": 4}, "a b", ("5",)),
    "majority": ("hatexplain", {"post_tokens": ["a", "b"], "annotators": {"label": [2, 1, 2]}}, "a b", ("offensive",)),
    "a band": ("google_wellformed_query", {"content": " q ", "rating": 0.8}, "q", ("well-formed",)),
    "names over several parses": (
        "freebase_qa",
        {
            "RawQuestion": "q",
            "Parses": [{"Answers": [{"AnswersName": ["b", "a"]}]}, {"Answers": [{"AnswersName": ["a"]}]}],
        },
        "q",
        ("a", "b"),
    ),
    "a span": (
        "acronym_identification",
        {"tokens": ["World", "Health", "Org", "(", "WHO", ")"], "labels": [0, 2, 2, 4, 1, 4]},
        "World Health Org ( WHO ) [SEP] acronym: WHO",
        ("World Health Org",),
    ),
    "a cloze": (
        "lama-trex",
        {"template": "[X] was born in [Y] .", "sub_label": "Bo", "obj_label": "Rome"},
        "Bo was born in [MASK] .",
        ("Rome",),
    ),
    "options cut at commas": (
        "math_qa",
        {"Problem": "p", "options": "a ) 1 , b ) 2 , c ) 3 , d ) 4 , e ) 5", "correct": "b"},
        "p (A) 1 (B) 2 (C) 3 (D) 4 (E) 5",
        ("2",),
    ),
    "options inside the question": (
        "quarel",
        {"question": "Who? (A) Ann or (B) Bo", "answer_index": 0},
        "Who? (A) Ann or (B) Bo",
        ("Ann",),
    ),
    "the first of right answers": (
        "superglue-record",
        {"query": "q", "passage": "a\nb", "answers": ["x", "y"]},
        "question: q context: a b",
        ("x",),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_row_becomes_an_example(case: str) -> None:
    name, row, text, targets = CASES[case]
    assert examples(name, row) == [Example(text, targets)]


MENDED: dict[str, tuple[str, Values, str, tuple[str, ...]]] = {
    "words for digits": ("piqa", PIQA, "goal: g [SEP] solution 1: s [SEP] solution 2: t", ("solution 2",)),
    "words the right way round": (
        "medical_questions_pairs",
        {"question_1": "a", "question_2": "b", "label": 1},
        "question 1: a [SEP] question 2: b",
        ("Similar",),
    ),
    "a misspelling": (
        "ethos-directed_vs_generalized",
        {"text": "t", "directed_vs_generalized": 0},
        "t",
        ("generalized",),
    ),
    "what is asked for": ("superglue-copa", COPA, "P. [SEP] cause (A) a (B) b", ("a",)),
    "all right answers": (
        "superglue-record",
        {"query": "q", "passage": "p", "answers": ["x", "y", "x"]},
        "question: q context: p",
        ("x", "y"),
    ),
    "thousands": (
        "math_qa",
        {"Problem": "p", "options": "a ) 1,000 , b ) 2 , c ) 3 , d ) 4 , e ) 5", "correct": "a"},
        "p (A) 1,000 (B) 2 (C) 3 (D) 4 (E) 5",
        ("1,000",),
    ),
}


@pytest.mark.parametrize("case", MENDED)
def test_oddities_are_mended(case: str) -> None:
    name, row, text, targets = MENDED[case]
    assert examples(name, row, fidelity="fixed") == [Example(text, targets)]
    assert examples(name, row) != [Example(text, targets)]


def test_rows_are_left_out_by_their_conditions() -> None:
    motion = [
        {"sentence": "s", "motion": m, "motion_entities": [{"entity": "cat"}, {"entity": "dog"}]} for m in ("no", "yes")
    ]
    assert examples("limit", *motion) == [Example("s", ("cat [SEP] dog",))]
    tied = {"post_tokens": ["a"], "annotators": {"label": [0, 1]}}
    assert examples("hatexplain", tied) == []
    assert examples("google_wellformed_query", {"content": "q", "rating": 0.5}) == []


def test_rows_are_merged_in_order_of_first_appearance() -> None:
    rows = [{"concept_set_idx": i, "concepts": ["a", str(i)], "target": t} for i, t in ((7, "x"), (3, "y"), (7, "z"))]
    assert examples("common_gen", *rows) == [Example("a, 7", ("x", "z")), Example("a, 3", ("y",))]


def test_right_answers_of_one_question_are_joined() -> None:
    rows = [
        {"idx": {"question": 1}, "question": "q", "paragraph": "p", "answer": a, "label": label}
        for a, label in (("x", 0), ("y", 1), ("z", 1))
    ]
    assert examples("superglue-multirc", *rows) == [Example("question: q (A) x (B) y (C) z context: p", ("y [SEP] z",))]
    assert examples("superglue-multirc", rows[0]) == [Example("question: q (A) x context: p", ("NO ANSWER!",))]


def test_the_order_of_two_sentences_is_drawn_row_by_row() -> None:
    import numpy

    rows = [{"sentence_good": f"g{i}", "sentence_bad": f"b{i}"} for i in range(20)]
    numpy.random.seed(42)
    expected = []
    for i in range(20):
        good_first = numpy.random.random() > 0.5
        one, two = (f"g{i}", f"b{i}") if good_first else (f"b{i}", f"g{i}")
        expected.append(
            Example(f"sentence 1: {one} [SEP] sentence 2: {two}", ("sentence 1" if good_first else "sentence 2",))
        )
    assert examples("blimp-ellipsis_n_bar_1", *rows) == expected
    assert len({example.targets for example in expected}) == 2


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            {"sentence1": "a", "sentence_2": "b", "label": 0},
            "data, train row 1, column sentence2: there is no such column; "
            "the row has sentence1, .*did you mean 'sentence_2'",
        ),
        (
            {"sentence1": "a", "sentence2": "b", "label": 7},
            "data, train row 1, column label: unknown label 7; known: 0 'entailment', 1 'not_entailment'; "
            "the task glue-rte",
        ),
        ({"sentence1": "a", "sentence2": "b", "label": -1}, r"column label: unknown label -1"),
        ({"sentence1": None, "sentence2": "b", "label": 0}, r"row 1, column sentence1: no value"),
    ],
)
def test_what_is_wrong_with_a_row_is_named(row: Values, message: str) -> None:
    with pytest.raises(DataError, match=message):
        examples("glue-rte", row)


def test_an_option_that_is_not_there_is_named() -> None:
    with pytest.raises(DataError, match=r"column answerKey: '3' names none of the 2 options"):
        examples("ai2_arc", ARC | {"answerKey": "3"})
