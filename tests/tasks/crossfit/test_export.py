"""CrossFit's own files: written, and compared with what its authors published."""

import hashlib
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from priming.errors import DataError
from priming.study.tasks import Fidelity
from priming.tasks.crossfit.checksums import published
from priming.tasks.crossfit.export import Verdict, export, from_hub, table, verify
from priming.tasks.crossfit.registry import entry
from tests.tasks.crossfit.conftest import Mirrored, sentences

STANCES = ("abortion", "atheism", "climate", "feminist", "hillary")
EXACT = [
    "tweet_eval-irony",
    *(f"tweet_eval-stance_{topic}" for topic in STANCES),
    "poem_sentiment",
    "google_wellformed_query",
]


def priming(*arguments: str, hub: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", **({"PRIMING_HUB": str(hub)} if hub else {})}
    return subprocess.run(
        [sys.executable, "-m", "priming", "tasks", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_real_rows_give_the_published_files_in_less_than_twenty_seconds(hub_mirror: Path, tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = priming("export", *EXACT, "--to", str(tmp_path), hub=hub_mirror)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert done.returncode == 0, done.stderr
    assert "note:" not in done.stdout
    found = {path.name: hashlib.md5(path.read_bytes()).hexdigest() for path in tmp_path.iterdir()}
    expected: dict[str, str] = {}
    for name in EXACT:
        expected |= published(entry(name))
    assert found == expected
    assert len(found) == 120
    assert seconds < 20


def test_real_rows_of_a_task_match(hub_mirror: Path) -> None:
    found = list(verify(["poem_sentiment", "tweet_eval-emotion"], from_hub(str(hub_mirror), Path())))
    assert [(one.task, one.result, one.matching) for one in found] == [
        ("poem_sentiment", "matches", 15),
        ("tweet_eval-emotion", "differs", 0),
    ]


@pytest.mark.slow
def test_verifying_tells_what_matches_differs_and_is_missing(hub_mirror: Path) -> None:
    done = priming("verify", "tweet_eval-irony", "tweet_eval-emotion", "glue-rte", hub=hub_mirror)
    lines = done.stdout.splitlines()
    assert lines[0] == "tweet_eval-irony    15/15  matches"
    assert lines[1].startswith(
        "tweet_eval-emotion   0/15  differs        the rows of cardiffnlp/tweet_eval (emotion), or their order, "
        "have changed"
    )
    assert lines[2].startswith("glue-rte             0/15  not available  'nyu-mll/glue' is not in the mirror")
    assert lines[3:] == ["1 match, 1 differ, 1 not available"]
    assert done.returncode == 3


@pytest.mark.slow
def test_the_exit_status_of_verifying(mirrored: Mirrored, hub_mirror: Path) -> None:
    assert priming("verify", "tweet_eval-irony", hub=hub_mirror).returncode == 0
    assert priming("verify", "glue-rte", hub=hub_mirror).returncode == 4
    unknown = priming("verify", "glue-rtee", hub=hub_mirror)
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert "CrossFit has no task 'glue-rtee'; did you mean 'glue-rte'" in unknown.stderr


def test_other_rows_than_crossfits_are_the_reason_given(mirrored: Mirrored) -> None:
    hub = mirrored("nyu-mll/glue", "rte", train=sentences(80), validation=sentences(4, 90))
    (found,) = verify(["glue-rte"], from_hub(str(hub), Path()))
    assert (found.result, found.matching) == ("differs", 0)
    assert "split train has 80 rows, and had 2490 when CrossFit was made" in found.why


def test_unordered_references_are_the_reason_given(mirrored: Mirrored) -> None:
    rows = [{"question": f"q {i}", "answers": {"text": [f"a {i}", f"b {i}"]}} for i in range(70)]
    hub = mirrored("rajpurkar/squad", "plain_text", train=rows, validation=rows[:3])
    (found,) = verify(["squad-no_context"], from_hub(str(hub), Path()))
    assert "order of several references" in found.why


def test_the_table_is_aligned() -> None:
    verdicts = [
        Verdict("a", "matches", 15, ""),
        Verdict("longer", "not available", 0, "task longer: it is gone; do this"),
    ]
    assert (
        table(verdicts)
        == "a       15/15  matches\nlonger   0/15  not available  it is gone\n1 match, 0 differ, 1 not available\n"
    )


@pytest.mark.slow
def test_one_missing_task_does_not_keep_others_from_being_written(mirrored: Mirrored, tmp_path: Path) -> None:
    hub = mirrored("nyu-mll/glue", "rte", train=sentences(80), validation=sentences(4, 90))
    done = priming("export", "eli5-askh", "glue-rte", "--to", str(tmp_path / "out"), "--hub", str(hub))
    assert done.returncode == 4
    assert done.stderr.startswith("error: task eli5-askh.id: 'defunct-datasets/eli5' is not in the mirror")
    assert len(list((tmp_path / "out").iterdir())) == 15
    assert (tmp_path / "out" / "glue-rte_16_100_test.tsv").read_text() == "".join(
        f"sentence 1: one {i} [SEP] sentence 2: two {i}\t{'not_' if i % 2 else ''}entailment\n" for i in range(90, 94)
    )


@pytest.mark.parametrize("fidelity", ["crossfit", "fixed"])
def test_the_mended_are_written_without_test_rows_of_the_sample(
    mirrored: Mirrored, tmp_path: Path, fidelity: Fidelity
) -> None:
    hub = mirrored("nyu-mll/glue", "rte", train=sentences(64), validation=sentences(4, 62))
    ((name, said),) = export(["glue-rte"], fidelity, from_hub(str(hub), Path()), tmp_path / "out")
    assert not isinstance(said, DataError)
    assert (name, len(said)) == ("glue-rte", 2)
    lines = (tmp_path / "out" / "glue-rte_16_13_test.tsv").read_text().splitlines()
    assert len(lines) == (4 if fidelity == "crossfit" else 2)
