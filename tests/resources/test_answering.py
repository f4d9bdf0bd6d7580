"""What answering costs, against counts by hand and numbers of rows that were published."""

from pathlib import Path

import pytest
import yaml

from priming.resources.answering import operations_of_a_row, operations_of_testing, rows_to_test
from priming.resources.plan import described, plan
from priming.resources.sizes import Size
from priming.study import Study
from priming.tasks.names import open_study
from tests.tiny_study import TINY

SIZE = Size(parameters=1_000_000, width=100, layers=4, vocabulary=2000)
BODY = 800_000
TASKS = {
    "named": {
        "files": {"train": "a.csv", "test": "a.csv"},
        "input": "{text}",
        "output": "label",
        "labels": {"a": "a", "b": "b"},
    },
    "free": {
        "kind": "text_to_text",
        "files": {"train": "a.csv", "test": "a.csv"},
        "input": "{text}",
        "output": "label",
    },
}


@pytest.fixture
def study() -> Study:
    """Inputs of 24 + 2 tokens, as prompts of two vectors count always, and outputs of up to 16; two labels at most."""
    settings = yaml.safe_load(TINY.read_text())
    tasks = settings["tasks"] | {"define": TASKS, "target": ["named", "free"]}
    scoring = {"decoders": ["ranking", "greedy", "beam"], "beam": 3}
    return Study.model_validate(settings | {"tasks": tasks, "scoring": scoring})


@pytest.mark.parametrize(
    ("task", "decoder", "longest", "tokens", "words"),
    [
        ("named", "ranking", None, 2 * 16, 0),  # two labels of 16 tokens, in one pass
        ("named", "greedy", None, 16, 16),  # each token passes once
        ("named", "beam", 40, 3 * 16, 3 * 16),  # a label is not longer, whatever may be generated
        ("free", "ranking", None, 16, 16),  # there is nothing to rank, so the first that generates
        ("free", "greedy", 4, 4, 4),
        ("free", "beam", 4, 3 * 4, 3 * 4),
    ],
)
def test_a_row_by_hand(study: Study, task: str, decoder: str, longest: int | None, tokens: int, words: int) -> None:
    found = operations_of_a_row(study, "mini", task, SIZE, (decoder,), longest)
    assert found == (26 + tokens) * 2 * BODY + words * 2 * 100 * 2000


def test_all_decoders_of_all_test_rows(study: Study) -> None:
    once = sum(operations_of_a_row(study, "mini", "named", SIZE, (name,)) for name in ("ranking", "greedy", "beam"))
    assert operations_of_testing(study, "mini", "named", SIZE) == 2000 * once
    limited = study.model_copy(update={"tasks": study.tasks.model_copy(update={"test_limit": 30})})
    assert operations_of_testing(limited, "mini", "named", SIZE) == 30 * once


def test_the_test_rows_of_crossfit(project: Path) -> None:
    """glue-cola's validation split, a fifth of ethos and of yelp's test split, and a thousand of amazon's."""
    study = open_study(project / "studies/crossfit-random.yaml")
    names = ["glue-cola", "ethos-disability", "yelp_polarity", "amazon_polarity", "wiki_split", "break-QDMR"]
    assert [rows_to_test(study, name) for name in names] == [1043, 87, 7600, 1000, 5000, 7760]


def test_the_plan_says_what_answering_takes(project: Path) -> None:
    """Its hours are within those of tuning, and the largest test sets are those of long outputs."""
    found = plan(open_study(project / "studies/crossfit-random.yaml"), project / "studies", "h100")
    tune = next(phase for phase in found.phases if phase.step == "tune")
    assert sum(found.testing.values()) < tune.answering < tune.operations
    assert found.total.answering == tune.answering  # checkpoints chosen by their loss are not answered with
    assert list(found.testing)[:2] == ["break-QDMR", "wiki_split"]
    text = described(found)
    assert "of which answering" in text
    assert f"break-QDMR {found.in_hours(found.testing['break-QDMR']):,.1f}" in text
