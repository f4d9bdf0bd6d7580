"""Resources that rules ask a scheduler for, and the profiles: by the functions, and by Snakemake without a cluster."""

import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from snakemake.iocontainers import Wildcards

from priming.jobs.graph import graph
from priming.jobs.recipes import Recipes
from priming.resources.estimates import needs
from priming.resources.site import Site
from priming.running.killed_attempts import folder
from priming.study import Study
from tests.tiny_study import TINY, Checkout

PRIMED, TUNED = (
    "results/tiny/primed/mini/mtl-plm+adapter/seed-{seed}",
    "results/tiny/tuned/mini/none--plm/chunks/{chunk}",
)
NOWHERE = Site()


@pytest.fixture
def scheduling(project: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(project / "workflow"))
    return import_module("scheduling")


@pytest.fixture
def ask(scheduling: ModuleType, tiny: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., object]:
    """`ask(name, pattern, attempt)` is what a job of the rule with that output asks for."""
    monkeypatch.chdir(tmp_path)
    recipes = Recipes(graph(tiny), TINY.parent)

    def value(name: str, pattern: str, attempt: int = 1, site: Site = NOWHERE, **wildcards: str) -> object:
        asked = scheduling.needing(recipes, site)(pattern)[name]
        given = Wildcards(fromdict=wildcards or {"seed": "1", "chunk": "00"})
        return asked(given, attempt=attempt) if callable(asked) else asked

    return value


def test_memory_grows_with_kills_alone(ask: Callable[..., int], tiny: Study) -> None:
    jobs = graph(tiny)
    once = needs(jobs, jobs.jobs[PRIMED.format(seed=1)], TINY.parent).memory
    assert ask("mem_mb", PRIMED) == ask("mem_mb", PRIMED, attempt=3) == once
    notes = folder("tiny", PRIMED.format(seed=1))
    notes.mkdir(parents=True)
    for number in range(1, 8):
        (notes / f"{number}.started").touch()
        assert ask("mem_mb", PRIMED) == once * min(16, 2**number)
    assert ask("mem_mb", PRIMED, seed="2") == once


def test_time_grows_with_attempts_where_they_start_again(ask: Callable[..., int]) -> None:
    assert ask("runtime", TUNED, attempt=3) == 3 * ask("runtime", TUNED)
    assert ask("runtime", PRIMED, attempt=3) == ask("runtime", PRIMED)
    assert ask("runtime", TUNED, attempt=3, site=Site(longest=20)) == 20


def test_what_the_site_does_not_name_is_not_asked_for(ask: Callable[..., object]) -> None:
    named = ("slurm_account", "slurm_partition", "gpu_model", "qos", "slurm_extra")
    assert [ask(name, TUNED) for name in named] == [None] * 5
    assert ask("gpu", TUNED) == 1
    assert ask("gpu", TUNED, site=Site(gpus=False)) is None
    assert ask("slurm_partition", TUNED, site=Site(cpu_partition="c", gpu_partition="g")) == "g"
    assert ask("slurm_partition", TUNED, site=Site(cpu_partition="c", gpu_partition="g", gpus=False)) == "c"


def test_the_default_profile_overrides_no_other(project: Path) -> None:
    default = yaml.safe_load((project / "profiles/default/config.yaml").read_text())
    for other in ("slurm", "profiles/gpus"):
        profile = yaml.safe_load((project / other / "config.yaml").read_text())
        assert profile.keys() & default.keys() == set()
        assert profile.get("?if submits", {}).keys() & default.keys() == set()


def test_primings_are_tried_more_often(checkout: Checkout) -> None:
    checkout.edit(
        "workflow/Snakefile",
        "    scheduling.start(workflow)\n",
        "    scheduling.start(workflow)\n    print({r.name: r.restart_times for r in workflow.rules})\n",
    )
    printed = checkout.snakemake("--retries", "3", "tasks")
    assert "'prime': 15" in printed
    assert printed.count(": 3") > 5


def without(folder: Path, *programs: str) -> dict[str, str]:
    """The environment with a PATH that leads to all of this one's programs but those."""
    for place in reversed(os.environ["PATH"].split(os.pathsep)):
        for program in Path(place).glob("*") if place else ():
            if program.name not in programs:
                (folder / program.name).unlink(missing_ok=True)
                (folder / program.name).symlink_to(program)
    return {**os.environ, "PATH": str(folder)}


def profiled(
    checkout: Checkout, profile: str, *arguments: str, python: tuple[str, ...] = (), **environment: str
) -> tuple[int, str]:
    """The exit status of Snakemake with a profile, and what it printed."""
    command = [sys.executable, *python, "-m", "snakemake", "--profile", profile, *arguments]
    done = subprocess.run(
        command,
        cwd=checkout.folder,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stdout


def test_without_slurm_one_line_says_what_is_missing(checkout: Checkout, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    environment = without(tmp_path / "bin", "sbatch")
    status, printed = profiled(checkout, "slurm", **environment)
    assert status == 1
    assert printed.splitlines()[-1].startswith(
        "error: --profile slurm: there is no sbatch on the PATH; run this on a machine that submits"
    )
    assert "Traceback" not in printed
    assert not (checkout.folder / "results").exists()
    status, printed = profiled(checkout, "slurm", "-n", **environment)
    assert status == 0
    assert "This was a dry-run" in printed


def test_without_the_executor_one_line_says_what_to_type(checkout: Checkout, tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    packages.mkdir()
    for package in Path(sysconfig.get_path("purelib")).iterdir():
        if not package.name.startswith("snakemake_executor_plugin_slurm"):
            (packages / package.name).symlink_to(package)
    status, printed = profiled(checkout, "slurm", python=("-S",), PYTHONPATH=str(packages))
    assert status == 1
    assert printed.splitlines()[-1].endswith(
        "is not installed; type: pip install -c constraints.txt snakemake-executor-plugin-slurm"
    )
    assert "Traceback" not in printed
    status, printed = profiled(checkout, "slurm", "-n", python=("-S",), PYTHONPATH=str(packages))
    assert status == 0
    assert "This was a dry-run" in printed


def test_a_mistake_in_the_settings_of_the_site_is_one_message(checkout: Checkout) -> None:
    checkout.edit("slurm/site.yaml", "account:\n", "acount: ours\n")
    printed = checkout.snakemake("-n", status=2)
    assert "site.yaml: acount" in printed
    assert "did you mean 'account'" in printed
    assert "Traceback" not in printed


@pytest.mark.parametrize(("devices", "gpus"), [("0,GPU-b", 2), ("", 1)])
def test_no_more_jobs_than_gpus(checkout: Checkout, devices: str, gpus: int) -> None:
    status, printed = profiled(checkout, "profiles/gpus", "tasks", CUDA_VISIBLE_DEVICES=devices)
    assert status == 0, printed
    assert f'gpu=Resource("gpu", {gpus})' in printed


ANSWERING = {
    "sacct": "echo '7|CANCELLED by 1000'; echo '8|COMPLETED'",
    "squeue": 'echo "squeue $*"',
    "failing": "exit 1",
}
AWAY = "Batch job submission failed: Unable to contact slurm controller (connect failure)"
SUBMITTING = f"""
[ -e back ] || {{ touch back; echo "sbatch: error: {AWAY}" >&2; exit 1; }}
[ "$1" = --refused ] && {{ echo "sbatch: error: no such partition" >&2; exit 2; }}
echo "7;$*"
echo "sbatch: a remark" >&2
"""


def behind(
    project: Path, folder: Path, name: str, arguments: list[str], **programs: str
) -> subprocess.CompletedProcess[str]:
    """Run the profile's own program of that name, with stand-ins for those of SLURM behind it."""
    (folder / "bin").mkdir()
    environment = without(folder / "bin", "sacct", "squeue", "sbatch")
    for program, does in programs.items():
        (folder / "bin" / program).write_text(f"#!/bin/sh\n{does}\n")
        (folder / "bin" / program).chmod(0o755)
    own = project / "slurm" / "bin"
    environment["PATH"] = os.pathsep.join([str(own), environment["PATH"]])
    return subprocess.run(
        [own / name, *arguments], env=environment, cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize(
    ("sacct", "arguments", "printed"),
    [
        ("sacct", ["-X", "--name", "run-1"], "7|CANCELLED\n8|COMPLETED\n"),
        ("failing", ["-X", "--name", "run-1"], "squeue --noheader --states=all --format=%i|%T --name run-1\n"),
        (None, ["-X", "--name", "run-1"], "squeue --noheader --states=all --format=%i|%T --name run-1\n"),
        ("failing", ["-nu", "root"], ""),
    ],
)
def test_sacct_answers_without_accounting(
    project: Path, tmp_path: Path, sacct: str | None, arguments: list[str], printed: str
) -> None:
    programs = {"squeue": ANSWERING["squeue"]} | ({"sacct": ANSWERING[sacct]} if sacct else {})
    done = behind(project, tmp_path, "sacct", arguments, **programs)
    assert (done.returncode, done.stdout) == (0, printed)


def test_a_submission_waits_for_slurmctld(project: Path, tmp_path: Path) -> None:
    done = behind(project, tmp_path, "sbatch", ["--parsable", "--wrap=two words"], sbatch=SUBMITTING)
    assert (done.returncode, done.stdout, done.stderr) == (0, "7;--parsable --wrap=two words\n", "sbatch: a remark\n")


def test_a_submission_that_is_refused_is_not_repeated(project: Path, tmp_path: Path) -> None:
    done = behind(project, tmp_path, "sbatch", ["--refused"], sbatch=SUBMITTING)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "sbatch: error: no such partition\n")
