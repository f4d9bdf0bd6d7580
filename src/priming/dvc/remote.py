"""Sharing the results of a study: weights through a DVC remote, tables and settings through git."""

import re
import subprocess
import sys
from pathlib import Path

from priming.errors import DataError, DiskError
from priming.programs import typed

LOCK = Path("dvc.lock")
REMOTE = "store"
# Placed after the project's own `results/`, which would hide everything below it from git.
IGNORE = """
# A repository of a study: its tables and settings are in git, the rest is in DVC.
!results/
results/*/*
!results/*/tables/
!results/*/settings/
"""


def fetch(stage: str, out: Path) -> bool:
    """Fetch the results of a stage recorded in dvc.lock, from the cache or the remote, if `out` is missing; whether it
    did.

    Raises DataError if neither has them: missing files are no reason to train again.
    """
    if _here(out) or not _is_recorded(stage):
        return False
    for command in ("checkout", "pull"):
        done = _run(sys.executable, "-m", "dvc", command, stage)
        if done.returncode == 0 and _here(out):
            return True
    reason = next((line for line in reversed(done.stdout.splitlines()) if line.startswith("ERROR")), "")
    raise DataError(
        f"{out}: dvc.lock records the results of {stage}, "
        f"but dvc pull did not fetch them ({reason or 'it gave no reason'}); "
        f"correct this, or rebuild them: {typed(f'snakemake --cores all {stage}')}"
    )


def share(study_file: Path, remote: str) -> str:
    """Turn the git clone in this folder into the repository of a study; returns what to type next.

    Raises DataError if there is no git repository here, or if DVC refuses the remote.
    """
    from priming.dvc import pipeline
    from priming.jobs.graph import graph
    from priming.tasks.names import open_study

    jobs = graph(open_study(study_file))
    if not Path(".git").exists():
        raise DataError(f"{Path.cwd()} is not a git repository; type: git init")
    pipeline.write(jobs, study_file, tables_in_git=True)
    _let_git_have_tables(Path(".gitignore"))
    if not Path(".dvc").is_dir():
        _dvc("init")
    _dvc("remote", "add", "--default", "--force", REMOTE, _url(remote))
    # By default a remote is trusted: damaged weights would be used.
    _dvc("remote", "modify", REMOTE, "verify", "true")
    configfile = "" if study_file == Path("config.yaml") else f" --configfile {study_file}"
    run, rest = typed(f"snakemake --cores all{configfile}"), "git add --all && git commit -m 'Run the study'"
    return (
        f"{_url(remote)} is now the remote of this repository; type next:  "
        f"{run} && {typed('dvc repro')} && {rest} && {typed('dvc push')}"
    )


def _here(out: Path) -> bool:
    return out.is_dir() and any(out.iterdir())


def _is_recorded(stage: str) -> bool:
    """Whether dvc.lock has a stage. It is long, so it is searched as text: stages are keys at the second level."""
    return (
        LOCK.is_file()
        and re.search(rf"^  {re.escape(stage)}:$", LOCK.read_text(encoding="utf-8"), re.MULTILINE) is not None
    )


def _let_git_have_tables(file: Path) -> None:
    ignored = file.read_text(encoding="utf-8") if file.is_file() else ""
    if IGNORE not in ignored:
        try:
            file.write_text(ignored + IGNORE, encoding="utf-8")
        except OSError as error:
            raise DiskError(f"{file}: {error.strerror}; make room or rights there") from error


def _url(remote: str) -> str:
    """The remote; a folder as an absolute path, since clones are elsewhere."""
    return remote if "://" in remote else str(Path(remote).resolve())


def _dvc(*arguments: str) -> None:
    done = _run(sys.executable, "-m", "dvc", *arguments)
    if done.returncode:
        raise DataError(
            f"dvc {' '.join(arguments)}: {done.stdout.strip().splitlines()[-1] if done.stdout.strip() else 'failed'}"
        )


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
