"""Whatever is in files of rows, cards and manifests, it is read, or refused in a named error."""

from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from priming.errors import DataError
from priming.study.tasks import Tasks
from priming.tasks.mirroring import Mirroring
from priming.tasks.reading.mirror import MANIFEST, Mirror, recorded
from priming.tasks.sources.table import source_of
from tests.anything import FEW, VALUES, changed_bytes, changed_json
from tests.tasks.conftest import reviews, write_rows

ENDINGS = (".jsonl", ".csv", ".tsv", ".parquet")
CARD = b"""---
configs:
- config_name: default
  data_dir: data
  data_files:
  - {split: train, path: "train/*.csv"}
  - {split: test, path: [test.csv, data/x.csv]}
---
A data set.
"""
MANIFEST_OF = {"a/b": {"commit": "0" * 40, "files": {"train.csv": "0" * 64}}, "c/d": {"files": {}}}


def whole(ending: str) -> bytes:
    with TemporaryDirectory() as folder:
        write_rows(Path(folder, f"rows{ending}"), reviews(6))
        return Path(folder, f"rows{ending}").read_bytes()


FILES = {ending: whole(ending) for ending in ENDINGS}


def is_read_or_refused(ending: str, content: bytes) -> None:
    with TemporaryDirectory() as folder:
        Path(folder, f"train{ending}").write_bytes(content)
        Path(folder, f"test{ending}").write_bytes(FILES[ending])
        files = {"train": f"train{ending}", "test": f"test{ending}"}
        define = {"mine": {"files": files, "input": "{text}", "output": "label"}}
        tasks = Tasks.model_validate({"define": define, "source": ["film_verdict"], "target": ["mine"]})
        with suppress(DataError):
            task = source_of(tasks, "mine").load(Path(folder))
            assert all(row.input and row.targets for row in task.train)


@FEW
@given(st.sampled_from(ENDINGS).flatmap(lambda ending: st.tuples(st.just(ending), changed_bytes(FILES[ending]))))
def test_rows_with_other_bytes(changed: tuple[str, bytes]) -> None:
    is_read_or_refused(*changed)


@FEW
@given(st.lists(changed_json({"text": "a", "label": 0}), min_size=1, max_size=3))
def test_rows_with_other_values(lines: list[bytes]) -> None:
    is_read_or_refused(".jsonl", FILES[".jsonl"] + b"\n".join(lines) + b"\n")


@FEW
@given(changed_bytes(CARD), st.sampled_from(["default", "other"]), st.sampled_from(["train", "test"]))
def test_a_card_with_other_bytes(card: bytes, config: str, split: str) -> None:
    with TemporaryDirectory() as root:
        folder = Path(root, "owner", "name")
        folder.mkdir(parents=True)
        (folder / "README.md").write_bytes(card)
        (folder / "test.csv").write_bytes(FILES[".csv"])
        for read in (lambda: Mirror(folder, "x").files(config), lambda: Mirror(folder, "x").of_split(config, split)):
            with suppress(DataError):
                assert all(path.is_relative_to(folder) for path in read())


@FEW
@given(changed_json(MANIFEST_OF) | changed_bytes(str(MANIFEST_OF).replace("'", '"').encode()) | VALUES.map(repr))
def test_a_manifest_with_other_values(manifest: bytes | str) -> None:
    with TemporaryDirectory() as folder:
        content = manifest.encode("utf-8", "surrogatepass") if isinstance(manifest, str) else manifest
        Path(folder, MANIFEST).write_bytes(content)
        for read in (recorded, Mirroring):
            with suppress(DataError):
                assert read(Path(folder)) is not None
