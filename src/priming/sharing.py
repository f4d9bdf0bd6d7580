"""Sharing the results of a study: weights through a remote of DVC, tables and settings in git."""

import re
import subprocess
import sys
from pathlib import Path

from priming.errors import DataError, DiskError

LOCK = Path("dvc.lock")
REMOTE = "store"
# After the project's own `results/`, of which git would see nothing below.
IGNORE = """
# A repository of a study: its tables and settings are in git, DVC carries the rest.
!results/
results/*/*
!results/*/tables/
!results/*/settings/
"""


def fetch(stage: str, out: Path) -> bool:
    """Bring the results of a stage that dvc.lock has, from the cache or the remote, if `out` is not here; whether it did.

    Raises DataError where they can be had from neither: they are not to be made again for that.
    """
    if _here(out) or not _is_recorded(stage):
        return False
    for command in ("checkout", "pull"):
        done = _run(sys.executable, "-m", "dvc", command, stage)
        if done.returncode == 0 and _here(out):
            return True
    reason = next((line for line in reversed(done.stdout.splitlines()) if line.startswith("ERROR")), "")
    raise DataError(
        f"{out}: dvc.lock has the results of {stage}, and dvc pull did not bring them ({reason or 'it gave no reason'}); "
        f"mend that, or make them anew: snakemake --cores all {stage}"
    )


def share(study_file: Path, remote: str) -> str:
    """Make the git clone in this folder the repository of a study; what to type next.

    Raises DataError where there is no git repository here, or DVC refuses the remote.
    """
    from priming import pipeline
    from priming.jobs import graph
    from priming.tasks.names import open_study

    jobs = graph(open_study(study_file))
    if not Path(".git").exists():
        raise DataError(f"{Path.cwd()} is no clone of a git repository; type: git init")
    pipeline.write(jobs, study_file, tables_in_git=True)
    _let_git_have_tables(Path(".gitignore"))
    if not Path(".dvc").is_dir():
        _dvc("init")
    _dvc("remote", "add", "--default", "--force", REMOTE, _url(remote))
    # A remote is trusted otherwise: a damaged weight would be used as it is.
    _dvc("remote", "modify", REMOTE, "verify", "true")
    configfile = "" if study_file == Path("config.yaml") else f" --configfile {study_file}"
    return (
        f"{_url(remote)} is the remote of this repository now; type next:  "
        f"snakemake --cores all{configfile} && dvc repro && git add --all && git commit -m 'Run the study' && dvc push"
    )


def _here(out: Path) -> bool:
    return out.is_dir() and any(out.iterdir())


def _is_recorded(stage: str) -> bool:
    """Whether dvc.lock has a stage; it is long, and read as text: its stages are its keys at the second level."""
    return LOCK.is_file() and re.search(rf"^  {re.escape(stage)}:$", LOCK.read_text(encoding="utf-8"), re.MULTILINE) is not None


def _let_git_have_tables(file: Path) -> None:
    ignored = file.read_text(encoding="utf-8") if file.is_file() else ""
    if IGNORE not in ignored:
        try:
            file.write_text(ignored + IGNORE, encoding="utf-8")
        except OSError as error:
            raise DiskError(f"{file}: {error.strerror}; make room or rights there") from error


def _url(remote: str) -> str:
    """The remote; a folder as an absolute path, since clones lie elsewhere."""
    return remote if "://" in remote else str(Path(remote).resolve())


def _dvc(*arguments: str) -> None:
    done = _run(sys.executable, "-m", "dvc", *arguments)
    if done.returncode:
        raise DataError(f"dvc {' '.join(arguments)}: {done.stdout.strip().splitlines()[-1] if done.stdout.strip() else 'failed'}")


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
