"""Checks of a study's tasks that need to know where they come from."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from priming.errors import StudyError
from priming.tasks.names import open_study


def test_pairs_need_source_tasks_with_samples(tmp_path: Path) -> None:
    """Of CrossFit's tasks priming sees the samples; of a generated one it sees a pool, which is no pair."""
    study: dict[str, Any] = {
        "name": "mixed",
        "plms": {"own": {"generate": {}}},
        "tasks": {
            "source": ["glue-rte", "film_verdict"],
            "target": ["dinner_review"],
            "source_rows": "samples",
            "samples": [13],
        },
        "priming": {"maml": {"episodes": "pairs", "tasks": 1, "learning_rates": {"plm": 1e-3}}},
        "strategies": ["none -> plm", "maml[plm | plm x1] -> plm"],
    }
    study["priming"]["maml"]["inner_learning_rates"] = {"plm": 0.1}
    file = tmp_path / "study.yaml"
    file.write_text(yaml.safe_dump(study))
    advice = "and film_verdict in tasks.source is none; leave it out, or set episodes: tasks"
    with pytest.raises(StudyError, match=f"priming.maml.episodes: 'pairs' are of CrossFit's tasks, {advice}"):
        open_study(file, of_data=False)
    study["tasks"]["source"] = ["film_verdict"]
    file.write_text(yaml.safe_dump(study))
    with pytest.raises(StudyError, match="tasks.source_rows: 'samples' is for CrossFit's tasks, and none is in"):
        open_study(file, of_data=False)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"tasks": {"task_prefix": True}},
            "tasks.task_prefix: the words of norda have tags, and its name would have none",
        ),
        (
            {"priming": {"target_space": True}},
            "target_space: a space is for targets that are texts, and those of norda, zulma are tags of words",
        ),
    ],
)
def test_tags_are_of_words_alone(changed: dict[str, Any], said: str, tmp_path: Path) -> None:
    tasks = {"source": ["norda", "zulma"], "target": ["halde"], "draw": "all", "dev_set": "split", "samples": [1]}
    study = {
        "name": "tags",
        "plms": {"own": {"generate": {"architecture": {"family": "bert"}}}},
        "tasks": {**tasks, **changed.get("tasks", {})},
        "priming": {"mtl": {"learning_rates": {"plm": 1e-3, "head": 1e-3}, **changed.get("priming", {})}},
        "strategies": ["none -> head", "mtl[plm+head] -> head"],
        "scoring": {"metric": "entity_f1", "metrics": ["entity_f1"], "decoders": ["ranking"], "arg_baseline": "none"},
    }
    file = tmp_path / "study.yaml"
    file.write_text(yaml.safe_dump(study))
    with pytest.raises(StudyError, match=re.escape(said)):
        open_study(file, of_data=False)
