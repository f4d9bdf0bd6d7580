"""What a Snakemake tells of its jobs, how far a run is by that, and what is shown of it."""

import logging
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from priming.cli.progress_view import LineView, far
from priming.running.events import EVENTS, EventReader, attach
from priming.running.progress import Run
from priming.study import Study
from tests import forked
from tests.tiny_study import Checkout


def job_info(number: int, log: str) -> dict[str, Any]:
    return {"event": "job_info", "jobid": number, "rule_name": "tune", "rule_msg": "Tune", "log": [log]}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run of three tunings, the first of which took 10 s, and the second is at work since 4 s."""
    run, now = Run(), time.time()
    (tmp_path / "two.log").write_text("step 1\nstep 2 of 9\n\n")
    for seconds, event in (
        (-20, {"event": "run_info", "stats": {"tune": 3, "study": 1, "total": 4}}),
        (-14, job_info(1, "one.log")),
        (-4, {"event": "job_finished", "job_id": 1}),
        (-4, {"event": "progress", "done": 1, "total": 4}),
        (
            -4,
            {"event": "job_info", "jobid": 2, "rule_name": "tune", "rule_msg": "Tune", "log": [f"{tmp_path}/two.log"]},
        ),
    ):
        run.apply({**event, "time": now + seconds})
    return run


def test_the_time_left_is_by_what_jobs_took(run: Run) -> None:
    """One job has 6 of 10 s left, another has not begun."""
    assert run.time_left(time.time()) == pytest.approx(16, abs=1)
    assert far(run) == "1 of 4 jobs done, 1 running, about 16 s left"


def test_two_jobs_abreast_take_half_the_time(run: Run) -> None:
    run.apply(
        {"event": "job_info", "jobid": 3, "rule_name": "tune", "rule_msg": "Tune", "log": [], "time": time.time()}
    )
    assert run.time_left(time.time()) == pytest.approx((6 + 10) / 2, abs=1)


def test_what_is_expected_counts_until_a_job_was_measured() -> None:
    run = Run(expected={"figure": 7.0})
    run.apply({"event": "run_info", "stats": {"draw": 2, "total": 2}, "time": 0.0})
    assert run.time_left(0.0) == 14.0
    run.apply({"event": "run_info", "stats": {"draw": 2, "tune": 1, "total": 3}, "time": 0.0})
    assert run.time_left(0.0) is None


def test_a_failed_job_says_why(run: Run, tmp_path: Path) -> None:
    assert run.running[2].last_line() == "step 2 of 9"
    (tmp_path / "two.log").write_text("step 1\nerror: the disk is full\n  more\n")
    ended = run.apply({"event": "job_error", "jobid": 2, "time": time.time()})
    assert ended
    assert ended.error == "the disk is full"
    assert far(run).startswith("1 of 4 jobs done, 1 failed")


def test_events_are_read_as_they_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "events"
    logger = logging.Logger("snakemake", logging.INFO)
    attach(logger)
    assert logger.handlers == []  # plain Snakemake
    monkeypatch.setenv(EVENTS, str(file))
    attach(logger)
    assert EVENTS not in os.environ  # its jobs write none
    reader = EventReader(file)
    assert list(reader.read()) == []
    logger.info("Finished jobid: 3", extra={"event": "job_finished", "job_id": 3})
    logger.info("stale: results/tiny/plm/mini: setting a 1 -> 2")
    logger.info("of no interest")
    logger.warning("look out")
    found = list(reader.read())
    assert [event["event"] for event in found] == ["job_finished", "stale", "message"]
    assert found[0]["job_id"] == 3
    with file.open("a") as more:
        more.write('{"event": "progress", ')
        more.flush()
        assert list(reader.read()) == []
        more.write('"done": 1}\n')
    assert [event["done"] for event in reader.read()] == [1]


def test_a_line_is_due_after_a_minute(
    run: Run, tiny: Study, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    view = LineView(tiny)
    view.update(run, [])
    assert capsys.readouterr().out == "tiny: 4 jobs\n"
    view.update(run, [])
    assert capsys.readouterr().out == ""
    view.last -= 61
    view.update(run, [])
    said = capsys.readouterr().out
    assert said.startswith("1 of 4 jobs done, 1 running, about ")
    assert said.endswith("step 2 of 9\n")


def priming_run(folder: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "priming", "run", "config.yaml", *options],
        cwd=folder, capture_output=True, text=True, check=False,
        env={**forked.environment(), "PYTHONPATH": str(folder / "src")},
    )  # fmt: skip


def test_a_run_is_shown_in_lines_and_logged_in_full(made: Checkout) -> None:
    """The figure is drawn again, which fails, since the tables are none."""
    made.edit("config.yaml", "name: tiny\n", "name: tiny\nfigures: {draw: [tasks], style: {dpi: 99}}\n")
    made.edit("config.yaml", "figures: {draw: [strategy_matrix, tasks]}\n", "")
    done = priming_run(made.folder, "--", "--cores", "1", "results/tiny/figures/tasks")
    assert done.returncode == 1
    first, number, *_, last = done.stdout.splitlines()
    assert first.startswith("setting style.dpi ")
    assert first.endswith(" -> 99: 1 job is run again")
    assert number == "tiny: 1 job"
    assert "failed: Draw the figure tasks: " in done.stdout
    assert "(logs/tiny/figures/tasks.log); 0 of 1 job done, 1 failed" in done.stdout
    assert last.startswith("tiny: stopped after ")
    assert last.endswith("; log: logs/tiny/snakemake.log")
    assert "Building DAG of jobs" not in done.stdout
    assert "Building DAG of jobs" in (made.folder / "logs/tiny/snakemake.log").read_text()


def test_a_wrong_study_is_one_message(made: Checkout) -> None:
    text = (made.folder / "config.yaml").read_text()
    (made.folder / "config.yaml").write_text(text.replace("[film_verdict,", "[film_verdcit,"))
    done = priming_run(made.folder, "--", "--cores", "1")
    said = done.stdout + done.stderr
    assert done.returncode == 2
    assert "there is no task 'film_verdcit'" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("options", [["--plain", "--", "--cores", "1", "plm"], ["--", "--cores", "1", "-n", "plm"]])
def test_snakemake_prints_where_that_is_wanted(made: Checkout, options: list[str]) -> None:
    done = priming_run(made.folder, *options)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Nothing to be done" in done.stdout + done.stderr
    assert not (made.folder / "logs/tiny/snakemake.log").exists()


def test_nothing_to_do_is_said(made: Checkout) -> None:
    done = priming_run(made.folder, "--", "--cores", "1", "plm")
    assert (done.returncode, done.stdout) == (0, "tiny: everything is there and current\n")
