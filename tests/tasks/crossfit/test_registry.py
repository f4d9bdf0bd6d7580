"""The registry as a whole."""

import re
from collections import Counter

import pytest

from priming.errors import StudyError
from priming.evaluation.metrics import METRICS
from priming.study.partitions import GYM_PARTITIONS, gym, partition
from priming.study.tasks import Tasks
from priming.tasks.crossfit import registry
from priming.tasks.crossfit.checksums import published
from priming.tasks.crossfit.leakage import shared_data, shared_labels
from priming.tasks.generated import GENERATED


def test_there_are_160_tasks_and_no_name_is_that_of_a_built_in_one() -> None:
    names = registry.names()
    assert len(set(names)) == len(names) == 160
    assert gym() == set(names)
    assert not set(names) & GENERATED.keys()


def test_categories_samplers_and_metrics_are_crossfits() -> None:
    entries = list(registry.entries())
    assert Counter(entry.category.split("/")[0] for entry in entries) == {
        "classification": 65, "qa": 51, "other": 31, "conditional generation": 13,
    }  # fmt: skip
    assert Counter(entry.size for entry in entries) == {16: 82, 32: 78}
    assert Counter(entry.metric for entry in entries) == {
        "accuracy": 51, "macro_f1_free": 51, "exact_match": 28, "rouge_l": 17, "qa_f1": 9, "pearson": 3, "matthews": 1,
    }  # fmt: skip
    assert {entry.metric for entry in entries} <= METRICS.keys()
    assert sum(entry.pool is not None for entry in entries) == 45
    assert sum(entry.test_share is not None for entry in entries) == 9


@pytest.mark.parametrize("fidelity", ["crossfit", "fixed"])
def test_every_entry_is_whole(fidelity: str) -> None:
    for entry in registry.entries(fidelity):  # type: ignore[arg-type]
        assert (entry.hub is None) != (entry.web is None), entry.name
        assert (entry.pool is None) == bool(entry.train and entry.test), entry.name
        assert set(entry.rows) <= set(entry.splits), entry.name
        assert entry.licence is None or entry.licence.source, entry.name


def test_what_is_mended_is_said() -> None:
    mended = {
        name for name in registry.names() if registry.described(name, "fixed") != registry.described(name, "crossfit")
    }
    assert mended == {entry.name for entry in registry.entries() if entry.oddity}
    assert {
        "paws",
        "piqa",
        "medical_questions_pairs",
        "mocha",
        "superglue-wsc",
        "search_qa",
        "quail",
        "ethos-directed_vs_generalized",
    } <= mended


def test_unknown_names_get_the_nearest() -> None:
    with pytest.raises(StudyError, match=r"CrossFit has no task 'glue-mnly'; did you mean 'glue-mnli'"):
        registry.entry("glue-mnly")


def test_every_file_has_a_published_digest_and_tests_are_the_same_for_all_samples() -> None:
    digests = [published(entry) for entry in registry.entries()]
    assert sum(map(len, digests)) == 2400
    assert all(re.fullmatch("[0-9a-f]{32}", md5) for row in digests for md5 in row.values())
    assert all(len({md5 for name, md5 in row.items() if name.endswith("_test.tsv")}) == 1 for row in digests)


def test_partitions_have_crossfits_sizes_and_known_tasks() -> None:
    sizes = {name: tuple(len(names) for names in partition(name).values()) for name in GYM_PARTITIONS}
    assert sizes == {
        "random": (120, 20, 20), "classification": (45, 10, 10), "half_classification": (45, 10, 10),
        "non_classification": (45, 10, 10), "held_out_nli": (56, 0, 8), "held_out_paraphrase": (61, 0, 4),
        "held_out_mrc": (42, 0, 9), "held_out_mcq": (29, 0, 22),
    }  # fmt: skip
    for name in GYM_PARTITIONS:
        named = [task for tasks in partition(name).values() for task in tasks]
        assert len(named) == len(set(named))
        assert set(named) <= gym()


def test_tasks_whose_data_are_gone_are_left_out_of_partitions() -> None:
    gone = {name for name in registry.names() if registry.gone(name)}
    assert set(Tasks.model_fields["without"].default) == gone == {"eli5-askh", "eli5-asks", "eli5-eli5"}


def test_what_source_and_target_share_is_found() -> None:
    random = partition("random")
    assert ("glue-rte", "superglue-rte", "rte") in shared_data(random["source"], random["target"])
    labels = {(a, b): words for a, b, words in shared_labels(random["source"], random["target"])}
    assert labels["glue-rte", "superglue-rte"] == ["entailment", "not_entailment"]
    assert ("glue-rte", "ag_news") not in labels
