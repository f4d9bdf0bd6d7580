"""Data sets of the hub, read from a mirror; nothing here touches the network."""

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas
import pytest
import yaml

from priming.errors import DataError
from priming.study.tasks import Tasks
from priming.tasks.sources.table import source_of
from tests.tasks.conftest import reviews, write_rows
from tests.tasks.hub_server import commit, serving

Own = Callable[..., Tasks]
README = """\
---
configs:
- config_name: plain
  data_files:
  - split: train
    path: plain/train-*
  - split: test
    path: plain/test-*
- config_name: other
  data_files:
  - split: train
    path: other/train-*
---
Words on the data set.
"""


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A mirror with one data set of two configurations, beside the study's folder, which is `tmp_path`."""
    monkeypatch.delenv("PRIMING_HUB", raising=False)
    folder = tmp_path / "hub" / "somebody" / "reviews"
    write_rows(folder / "plain" / "train-00000-of-00002.parquet", reviews(6))
    write_rows(folder / "plain" / "train-00001-of-00002.parquet", reviews(4, 6))
    write_rows(folder / "plain" / "test-00000-of-00001.parquet", reviews(4, 20))
    write_rows(folder / "other" / "train-00000-of-00001.parquet", reviews(2, 50))
    (folder / "README.md").write_text(README, encoding="utf-8")
    return folder


@pytest.fixture
def on_hub(study_tasks: Own) -> Own:
    def make(hub_folder: str | None = "hub", **changes: Any) -> Tasks:
        hub = {"id": "somebody/reviews", "config": "plain", **changes}
        definition = {"hub": hub, "input": "{text}", "output": "label", "labels": {0: "bad", 1: "good"}}
        return study_tasks(definition, **({"hub_folder": hub_folder} if hub_folder else {}))

    return make


def test_rows_come_in_order_from_all_files_of_a_split(tmp_path: Path, mirror: Path, on_hub: Own) -> None:
    task = source_of(on_hub(), "mine").load(tmp_path)
    assert [example.input for example in task.train] == [f'review {i}, "quoted"' for i in range(10)]
    assert [example.targets[0] for example in task.test] == ["bad", "good"] * 2
    assert (task.origin, task.labels) == ("hub", ("bad", "good"))


def test_splits_can_be_joined(tmp_path: Path, mirror: Path, on_hub: Own) -> None:
    assert len(source_of(on_hub(train=["train", "test"]), "mine").load(tmp_path).train) == 14


def test_the_raw_files_are_those_of_the_configuration(tmp_path: Path, mirror: Path, on_hub: Own) -> None:
    names = [path.relative_to(mirror).as_posix() for path in source_of(on_hub(), "mine").raw_files(tmp_path)]
    parts = [
        "plain/test-00000-of-00001.parquet",
        "plain/train-00000-of-00002.parquet",
        "plain/train-00001-of-00002.parquet",
    ]
    assert names == ["README.md", *parts]


def test_the_environment_goes_before_the_study(
    tmp_path: Path, mirror: Path, on_hub: Own, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRIMING_HUB", str(mirror.parents[1]))
    assert len(source_of(on_hub("elsewhere"), "mine").load(tmp_path).train) == 10


def test_a_changed_file_is_read_anew_though_its_date_is_the_same(tmp_path: Path, mirror: Path, on_hub: Own) -> None:
    path = mirror / "plain" / "test-00000-of-00001.parquet"
    source_of(on_hub(), "mine").load(tmp_path)
    before = path.stat()
    write_rows(path, reviews(4, 70))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert source_of(on_hub(), "mine").load(tmp_path).test[0].input.startswith("review 70")


def test_a_data_set_without_readme_has_one_configuration(tmp_path: Path, mirror: Path, on_hub: Own) -> None:
    folder = mirror.with_name("bare")
    for split in ("train", "test"):
        write_rows(folder / f"{split}.parquet", reviews(4))
    tasks = on_hub(id="somebody/bare", config=None)
    assert len(source_of(tasks, "mine").load(tmp_path).train) == 4
    assert source_of(tasks, "mine").raw_files(tmp_path) == [folder / "test.parquet", folder / "train.parquet"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"id": "somebody/reviewz"},
            r"tasks\.define\.mine\.hub\.id: 'somebody/reviewz' is not in the mirror .*did you mean 'somebody/reviews'",
        ),
        (
            {"config": "plane"},
            r"tasks\.define\.mine\.hub\.config: there is no configuration 'plane'; did you mean 'plain'\?; "
            ".* has plain, other",
        ),
        ({"config": None}, r"hub\.config: name one of the configurations; .* has plain, other"),
        (
            {"hub_folder": "hubb"},
            r"tasks\.hub_folder names .*hubb, which is not a folder; to read a mirror, set PRIMING_HUB=FOLDER",
        ),
    ],
)
def test_what_a_mirror_lacks_is_named(
    tmp_path: Path, mirror: Path, on_hub: Own, changes: dict[str, Any], message: str
) -> None:
    source = source_of(on_hub(**changes), "mine")
    for read in (source.load, source.raw_files):
        with pytest.raises(DataError, match=message):
            read(tmp_path)


@pytest.mark.parametrize(("changes", "message"), [
    ({"config": "other"}, r"hub\.test: there is no split 'test'; somebody/reviews \(other\) has train"),
    ({"train": "trian"}, r"hub\.train: there is no split 'trian'; did you mean 'train'\?; .* has train, test"),
])  # fmt: skip
def test_a_missing_split_is_named(
    tmp_path: Path, mirror: Path, on_hub: Own, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        source_of(on_hub(**changes), "mine").load(tmp_path)


def test_a_renamed_column_is_named(tmp_path: Path, mirror: Path, on_hub: Own) -> None:
    for path in (mirror / "plain").iterdir():
        write_rows(path, [{"texts": "a", "label": 0}])
    with pytest.raises(
        DataError,
        match=r"reviews \(plain\), train row 1: there is no column 'text', .*has texts, label; did you mean 'texts'",
    ):
        source_of(on_hub(), "mine").load(tmp_path)


def test_a_column_renamed_in_one_file_is_named(tmp_path: Path, mirror: Path, on_hub: Own) -> None:
    write_rows(mirror / "plain" / "test-00000-of-00001.parquet", [{"texts": "a", "label": 0}])
    with pytest.raises(
        DataError, match=r"reviews \(plain\) differ in their columns, one has texts, label and another text, label"
    ):
        source_of(on_hub(), "mine").load(tmp_path)


def test_an_unknown_label_value_is_named(tmp_path: Path, mirror: Path, on_hub: Own) -> None:
    write_rows(
        mirror / "plain" / "test-00000-of-00001.parquet", [{"text": "a", "label": 1}, {"text": "b", "label": -1}]
    )
    with pytest.raises(DataError, match=r"test row 2, column label: unknown label value '-1'; known labels: 0, 1"):
        source_of(on_hub(), "mine").load(tmp_path)


def test_a_cut_file_is_named(tmp_path: Path, mirror: Path, on_hub: Own) -> None:
    path = mirror / "plain" / "train-00001-of-00002.parquet"
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(
        DataError, match=r"tasks\.define\.mine\.hub: .*reviews cannot be read \(.*\); copy the data set again"
    ):
        source_of(on_hub(), "mine").load(tmp_path)


def test_missing_files_are_named(tmp_path: Path, mirror: Path, on_hub: Own) -> None:
    for path in (mirror / "plain").iterdir():
        path.unlink()
    with pytest.raises(
        DataError,
        match=r"has no data files of configuration plain; where there is a network, type: priming tasks mirror",
    ):
        source_of(on_hub(), "mine").raw_files(tmp_path)


LOAD = """
import sys
from pathlib import Path
from priming.errors import DataError
from priming.study.tasks import Tasks
from priming.tasks.sources.table import source_of
tasks = Tasks.model_validate_json(sys.argv[1])
source = source_of(tasks, "mine")
source.raw_files(Path())
print("datasets" in sys.modules or "torch" in sys.modules)
try:
    print([example.input for example in source.load(Path()).train])
except DataError as error:
    print(error)
"""
OFFLINE = {"HF_HUB_OFFLINE": "1"}
NO_NETWORK = {"HF_HUB_OFFLINE": "", "HF_ENDPOINT": "https://hub.invalid"}
"""A name that no name server may know (RFC 2606)."""


def loaded(tasks: Tasks, tmp_path: Path, environment: dict[str, str]) -> tuple[str, str]:
    """What a process of its own prints that loads the task without a mirror, and what stands on its stderr."""
    own = {**os.environ, "HF_HOME": str(tmp_path / "cache"), "PYTHONPATH": os.pathsep.join(sys.path), **environment}
    command = [sys.executable, "-c", LOAD, tasks.model_dump_json()]
    done = subprocess.run(command, env=own, capture_output=True, text=True, check=True)
    imported, _, said = done.stdout.partition("\n")
    assert imported == "False"
    return said, done.stderr


@pytest.mark.parametrize(
    ("network", "why"),
    [
        (OFFLINE, "from the hub ("),
        (NO_NETWORK, "there is no network (the name hub.invalid cannot be resolved), and the cache "),
    ],
    ids=["offline", "no network"],
)
def test_without_mirror_and_network_the_error_says_how_to_name_one(
    tmp_path: Path, mirror: Path, on_hub: Own, network: dict[str, str], why: str
) -> None:
    assert source_of(on_hub(None), "mine").raw_files(tmp_path) == []
    message, noise = loaded(on_hub(None), tmp_path, network)
    assert message.startswith("tasks.define.mine.hub: somebody/reviews (plain) cannot be read")
    assert why in message
    assert (
        "set PRIMING_HUB=FOLDER in the environment or tasks.hub_folder in the study file; FOLDER/<owner>/<name>/ holds"
        in message
    )
    assert (message.count("\n"), noise) == (1, "")


@pytest.mark.slow
@pytest.mark.parametrize("config", ["plain", None])
def test_what_is_in_the_cache_loads_without_a_network(
    tmp_path: Path, mirror: Path, on_hub: Own, config: str | None
) -> None:
    """With a card that names configurations, and with files alone; only the commit that is asked for, where one is."""
    served = tmp_path / "served" / "somebody" / "reviews" / "main"
    if config:
        shutil.copytree(mirror, served)
    else:
        for split in ("train", "test"):
            write_rows(served / f"{split}.parquet", reviews(10))
    tasks = on_hub(None, config=config)
    with serving(tmp_path / "served") as hub:
        live, _ = loaded(tasks, tmp_path, {"HF_HUB_OFFLINE": "", "HF_ENDPOINT": hub.url})
    assert len(ast.literal_eval(live)) == 10
    for revision in (None, commit(served)):
        message, noise = loaded(on_hub(None, config=config, revision=revision), tmp_path, NO_NETWORK)
        assert message == live
        assert "Retrying" not in noise
    message, _ = loaded(on_hub(None, config=config, revision="0" * 40), tmp_path, NO_NETWORK)
    assert (
        f"has no complete copy (the latest copy in the cache is of commit {commit(served)}, not {'0' * 40});" in message
    )


def test_the_real_rows_of_the_tweets_study(hub_mirror: Path, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRIMING_HUB", str(hub_mirror))
    tasks = Tasks.model_validate(
        yaml.safe_load((project / "studies" / "tweets.yaml").read_text(encoding="utf-8"))["tasks"]
    )
    for name in (*tasks.source, *tasks.development, *tasks.target):
        definition = tasks.define[name]
        assert definition.hub is not None
        task = source_of(tasks, name).load(project / "studies")
        folder = hub_mirror / definition.hub.id / (definition.hub.config or "default")
        for split, examples in (("train", task.train), ("test", task.test)):
            column = pandas.read_parquet(folder / f"{split}-00000-of-00001.parquet")[definition.output]
            values = column >= 0.8 if name == "wellformed_query" else column
            assert definition.labels is not None
            assert [example.targets[0] for example in examples] == [
                definition.labels[value] for value in values.tolist()
            ]
    assert "mixed" in {example.targets[0] for example in task.train}
