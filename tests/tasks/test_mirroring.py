"""Filling a mirror from a server that answers as the hub does, and reading it."""

import hashlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from priming.tasks.crossfit import registry
from priming.tasks.mirroring import Mirroring
from priming.tasks.names import wanted_of_hub
from priming.tasks.reading.mirror import recorded
from priming.tasks.sources.interface import Request
from tests.tasks.conftest import Rows, write_rows
from tests.tasks.hub_server import HubServer, commit, serving

CARD = (
    "---\nconfigs:\n- config_name: {config}\n  data_files:\n  - split: train\n    path: {config}/train-*\n"
    "  - split: validation\n    path: {config}/validation-*\n---\n"
)
RTE = "nyu-mll/glue"


def sentences(number: int) -> Rows:
    return [{"sentence1": f"one {i} " + "x" * 200, "sentence2": f"two {i}", "label": i % 2} for i in range(number)]


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubServer]:
    """glue-rte has Parquet files and a card on its main branch; liar has a script there, Parquet files converted."""
    main = tmp_path / "served" / RTE / "main"
    write_rows(main / "rte" / "train-00000-of-00001.parquet", sentences(300))
    write_rows(main / "rte" / "validation-00000-of-00001.parquet", sentences(9))
    write_rows(main / "cola" / "train-00000-of-00001.parquet", sentences(3))
    (main / "README.md").write_text(CARD.format(config="rte"))
    liar = tmp_path / "served" / "ucsbnlp/liar"
    (liar / "main").mkdir(parents=True)
    (liar / "main" / "liar.py").write_text("raise SystemExit")
    rows = [{"statement": f"s {i}", "speaker": "p", "context": "c", "label": i % 6} for i in range(400)]
    for split in ("train", "validation"):
        write_rows(liar / "refs~convert~parquet" / "default" / split / "0000.parquet", rows)
    piqa = tmp_path / "served" / "ybisk/piqa"
    (piqa / "main").mkdir(parents=True)
    (piqa / "main" / "piqa.py").write_text("raise SystemExit")
    solutions = [{"goal": f"g {i}", "sol1": "a", "sol2": "b", "label": i % 2} for i in range(90)]
    for split in ("train", "validation"):
        write_rows(piqa / "refs~convert~parquet" / "plain_text" / split / "0000.parquet", solutions)
    with serving(tmp_path / "served") as server:
        yield server


def priming(hub: HubServer, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    own = {
        "HF_ENDPOINT": hub.url,
        "HF_HUB_OFFLINE": "0",
        "HF_HOME": str(cwd / "cache"),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    environment = {key: value for key, value in os.environ.items() if key != "PRIMING_HUB"} | own
    return subprocess.run(
        [sys.executable, "-m", "priming", "tasks", *arguments],
        env=environment,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.slow
def test_what_is_mirrored_is_what_tasks_are_read_from(hub: HubServer, tmp_path: Path) -> None:
    done = priming(hub, "mirror", "glue-rte", "liar", "--to", "mirror", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "nyu-mll/glue (rte): 3 files in mirror/nyu-mll/glue" in done.stdout
    served = hub.folder / RTE / "main"
    found = digests(tmp_path / "mirror" / RTE)
    assert found == {path: sha for path, sha in digests(served).items() if not path.startswith("cola")}
    manifest = json.loads((tmp_path / "mirror" / "manifest.json").read_text())
    assert manifest[RTE] == {"branch": None, "commit": commit(served), "files": found}
    assert manifest["ucsbnlp/liar"]["branch"] == "refs/convert/parquet"
    hub.sent.clear()
    exported = priming(hub, "export", "glue-rte", "liar", "--to", "out", "--hub", "mirror", cwd=tmp_path)
    assert exported.returncode == 0, exported.stderr
    assert hub.sent == []
    assert len(list((tmp_path / "out").iterdir())) == 30
    assert (
        (tmp_path / "out" / "liar_16_13_test.tsv")
        .read_text()
        .startswith("statement: s 0 [SEP] speaker: p [SEP] context: c\tfalse\n")
    )


@pytest.mark.slow
@pytest.mark.parametrize("task", ["glue-rte", "liar", "piqa"])
def test_the_live_hub_gives_the_same_files_as_a_mirror_of_it(hub: HubServer, tmp_path: Path, task: str) -> None:
    """A card on the main branch; a branch that the registry names; a script, for which the converted branch is read."""
    assert priming(hub, "mirror", task, "--to", "mirror", cwd=tmp_path).returncode == 0
    assert priming(hub, "export", task, "--to", "a", "--hub", "mirror", cwd=tmp_path).returncode == 0
    live = priming(hub, "export", task, "--to", "b", cwd=tmp_path)
    assert live.returncode == 0, live.stderr
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    assert len(digests(tmp_path / "b")) == 15


@pytest.mark.slow
def test_what_is_there_whole_is_not_fetched_again_and_what_is_spoilt_is(hub: HubServer, tmp_path: Path) -> None:
    assert priming(hub, "mirror", "glue-rte", "--to", "mirror", cwd=tmp_path).returncode == 0
    before = digests(tmp_path / "mirror")
    hub.sent.clear()
    assert priming(hub, "mirror", "glue-rte", "--to", "mirror", cwd=tmp_path).returncode == 0
    assert hub.sent == []
    train = tmp_path / "mirror" / RTE / "rte" / "train-00000-of-00001.parquet"
    train.write_bytes(train.read_bytes()[:-1] + b"?")
    assert priming(hub, "mirror", "glue-rte", "--to", "mirror", cwd=tmp_path).returncode == 0
    assert [name for name in hub.sent if "train" in name] == ["rte/train-00000-of-00001.parquet from 0"]
    assert digests(tmp_path / "mirror") == before


@pytest.mark.slow
def test_a_file_that_was_cut_off_goes_on_where_it_stopped(hub: HubServer, tmp_path: Path) -> None:
    """What comes is kept in pieces of 10 MiB."""
    piece = 10 * 2**20
    train = hub.folder / RTE / "main" / "rte" / "train-00000-of-00001.parquet"
    train.write_bytes(random.Random(0).randbytes(piece + 2**20))
    hub.break_after = piece + 2**19
    broken = priming(hub, "mirror", "glue-rte", "--to", "mirror", cwd=tmp_path)
    assert broken.returncode == 4
    assert "nyu-mll/glue cannot be fetched (" in broken.stderr
    assert "repeat the command to resume" in broken.stderr
    assert "Traceback" not in broken.stderr
    hub.break_after = None
    hub.sent.clear()
    assert priming(hub, "mirror", "glue-rte", "--to", "mirror", cwd=tmp_path).returncode == 0
    assert [name for name in hub.sent if "train" in name] == [f"rte/train-00000-of-00001.parquet from {piece}"]
    served = digests(hub.folder / RTE / "main")
    assert all(served[path] == sha for path, sha in digests(tmp_path / "mirror" / RTE).items())


@pytest.mark.slow
def test_a_mirror_keeps_its_commit(hub: HubServer, tmp_path: Path) -> None:
    assert priming(hub, "mirror", "glue-rte", "--to", "mirror", cwd=tmp_path).returncode == 0
    first = commit(hub.folder / RTE / "main")
    write_rows(hub.folder / RTE / "main" / "rte" / "train-00000-of-00001.parquet", sentences(5))
    again = priming(hub, "mirror", "glue-rte", "--to", "mirror", cwd=tmp_path)
    assert again.returncode == 4
    assert f"no longer has commit {first}" in again.stderr


@pytest.mark.slow
@pytest.mark.parametrize(("task", "message"), [
    ("eli5-askh", "task eli5-askh: the data set defunct-datasets/eli5 is not on the hub"),
    ("glue-mnli", "task glue-mnli.config: there is no configuration 'mnli'; nyu-mll/glue has rte"),
])  # fmt: skip
def test_what_cannot_be_fetched_is_named_and_the_rest_is_fetched(
    hub: HubServer, tmp_path: Path, task: str, message: str
) -> None:
    done = priming(hub, "mirror", task, "liar", "--to", "mirror", cwd=tmp_path)
    assert done.returncode == 4
    assert message in done.stderr
    assert "ucsbnlp/liar: 2 files" in done.stdout


@pytest.mark.slow
def test_a_study_is_mirrored_with_its_own_data_sets(hub: HubServer, tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(
        "name: s\nplms: {small: {generate: {}}}\nstrategies: [none -> plm]\ntasks:\n  hub_folder: mirror\n"
        "  source: [liar]\n  target: [mine]\n  define: {mine: {hub: {id: nyu-mll/glue, config: rte, test: validation}, "
        "input: '{sentence1}', output: label}}\n"
    )
    done = priming(hub, "mirror", "--study", "study.yaml", "--to", "mirror", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert set(json.loads((tmp_path / "mirror" / "manifest.json").read_text())) == {RTE, "ucsbnlp/liar"}


def test_nothing_to_mirror_is_a_mistake(hub: HubServer, tmp_path: Path) -> None:
    done = priming(hub, "mirror", "--to", "mirror", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "error: name tasks to mirror, or a study with --study FILE\n"


def test_files_outside_the_hub_are_fetched_too(hub: HubServer, tmp_path: Path) -> None:
    (hub.folder / "data").mkdir()
    (hub.folder / "data" / "train.jsonl").write_text('{"a": 1}\n')
    request = Request("task proto_qa", "iesl/protoqa-data", url=f"{hub.url}/", files=("data/train.jsonl",))
    assert Mirroring(tmp_path / "mirror").fetch(request) == 1
    assert (tmp_path / "mirror/iesl/protoqa-data/data/train.jsonl").read_text() == '{"a": 1}\n'


def test_each_data_set_is_asked_for_once() -> None:
    wanted = wanted_of_hub(registry.names(), None)
    assert len({(request.id, request.config) for request in wanted}) == len(wanted)
    assert sum(request.id == "nyu-mll/blimp" for request in wanted) == 10
    assert sum(request.id == "ctr4si/reddit_tifu" for request in wanted) == 1


def test_digests_of_the_manifest_stand_for_files_that_were_not_written_to_since(tmp_path: Path) -> None:
    write_rows(tmp_path / "a/b/old.parquet", sentences(3))
    write_rows(tmp_path / "a/b/new.parquet", sentences(3))
    (tmp_path / "manifest.json").write_text(
        json.dumps({"a/b": {"files": {"old.parquet": "1", "new.parquet": "2", "gone.parquet": "3"}}})
    )
    later = (tmp_path / "manifest.json").stat().st_mtime_ns + 10**9
    os.utime(tmp_path / "a/b/new.parquet", ns=(later, later))
    assert recorded(tmp_path) == {tmp_path / "a/b/old.parquet": "1"}
    assert recorded(tmp_path / "a") == {}


def test_without_network_mirroring_says_so_in_one_line(hub: HubServer, tmp_path: Path) -> None:
    hub.url = "https://hub.invalid"
    done = priming(hub, "mirror", "glue-rte", "liar", "--to", "mirror", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (4, "")
    why = "there is no network (the name hub.invalid cannot be resolved)"
    assert done.stderr.startswith(f"error: the hub is needed, but {why}; run this on a machine with a network")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "mirror").exists()
