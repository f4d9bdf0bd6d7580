"""The tables and figures of a study, and figures that it does not draw any more."""

from pathlib import Path

from priming.jobs.graph import figure_jobs
from priming.study import Study
from priming.study.paths import root, tables

SHOWN = (".csv", ".md", ".tex", ".svg", ".pdf", ".png")


def outputs_of(study: Study) -> list[Path]:
    """The files to look at, of tables and of the figures that the study draws."""
    folders = [*(Path(job.out) for job in figure_jobs(study)), Path(tables(study))]
    return sorted(file for folder in folders for file in folder.glob("*") if file.suffix in SHOWN)


def left_over(study: Study) -> list[Path]:
    """Folders of figures that the study does not draw, from an earlier version of its file."""
    drawn = {Path(job.out) for job in figure_jobs(study)}
    there = Path(root(study), "figures").glob("*")
    return sorted(folder for folder in there if folder.is_dir() and folder not in drawn)
