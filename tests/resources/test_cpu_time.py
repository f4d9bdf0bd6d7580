"""CPU time of jobs: measured speed, what was expected, and what jobs took."""

import json
from pathlib import Path

import pytest

from priming.jobs.graph import graph
from priming.resources import cpu_speed
from priming.resources.cpu_time import CpuTimes
from priming.resources.plan import at_mean_lengths
from priming.study import Study
from priming.study.paths import job_log


@pytest.fixture
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that says how fast this machine is."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "cache/priming/cpu-speed.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({cpu_speed._machine(): {"64": 1e10, "256": 4e10, "768": 9e10}}))
    return file


def test_speed_is_measured_once_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first = cpu_speed.rates()
    assert first
    assert sorted(first) == list(cpu_speed.WIDTHS)
    assert all(1e7 < rate < 1e13 for rate in first.values())
    file = tmp_path / "priming/cpu-speed.json"
    file.write_text(file.read_text().replace(f'"64": {first[64]}', '"64": 5.0'))
    assert (cpu_speed.rates() or {})[64] == 5.0


def test_rates_between_widths(known: Path) -> None:
    found = cpu_speed.rates()
    assert found
    assert [cpu_speed.at_width(found, width) for width in (8, 64, 256, 4096)] == [1e10, 1e10, 4e10, 9e10]
    assert cpu_speed.at_width(found, 128) == pytest.approx(2e10)  # the middle of 64 and 256 by their logarithms


def test_twice_the_speed_halves_the_time_of_training(known: Path, tiny: Study) -> None:
    jobs = graph(tiny)
    slow = CpuTimes(jobs, at_mean_lengths(tiny), Path())
    tune = next(job for job in jobs.jobs.values() if job.step == "tune")
    before = slow.of(tune)
    known.write_text(json.dumps({cpu_speed._machine(): {"64": 2e10, "256": 2e10, "768": 2e10}}))
    after = CpuTimes(jobs, at_mean_lengths(tiny), Path()).of(tune)
    assert before
    assert after
    assert before - 2.0 == pytest.approx(2 * (after - 2.0))  # beside what every job takes


def test_what_jobs_took_corrects_the_others_of_their_step(known: Path, tiny: Study) -> None:
    jobs = graph(tiny)
    tunings = [job for job in jobs.jobs.values() if job.step == "tune"]
    before = {job.out: CpuTimes(jobs, at_mean_lengths(tiny), Path()).of(job) or 0.0 for job in jobs.jobs.values()}
    log = Path(job_log(tiny, tunings[0].out))
    log.parent.mkdir(parents=True)
    log.write_text(f"took 1.0 s, {3 * before[tunings[0].out]} CPU s (0.1 to start), at most 9 MB a process\n")
    times = CpuTimes(jobs, at_mean_lengths(tiny), Path())
    for job in jobs.jobs.values():
        factor = 3 if job.step == "tune" else 1
        assert times.of(job) == pytest.approx(factor * before[job.out]), job.out
    assert "tune" not in times.of_steps(gpus=True)
    assert times.of_steps()["tune"] == pytest.approx(sum(3 * before[job.out] for job in tunings) / len(tunings))
