"""The landing page of Snakemake's report: the front page of the tables with the main figure, run times and links."""

from collections.abc import Iterator
from pathlib import Path

from priming.durations import duration
from priming.jobs.recipes import Recipes
from priming.reporting.restructured import heading, list_table, plain
from priming.resources.cpu_time import took
from priming.study import Study
from priming.study.paths import figure, root, tables

FITTED = '<div class="main-figure"><style>.main-figure svg {max-width: 100%; height: auto}</style>'
SETTINGS = "\n".join(heading("Settings"))


def landing_page(recipes: Recipes) -> str:
    """The page as reStructuredText; empty without tables."""
    front = recipes.front_page()
    if not front:
        return ""
    study = recipes.graph.study
    first, found, rest = front.partition(SETTINGS)
    shown = "\n".join(_figure(study))
    times = "\n".join(_times(recipes))
    return "\n".join([first, shown, *_links(study), f"{found}{rest}", times]) + "\n"


def _figure(study: Study) -> Iterator[str]:
    """The first figure that the study draws, inside the page."""
    name = next(iter(study.figures.draw), "")
    file = Path(root(study), figure(name), f"{name}.svg")
    if file.is_file():
        yield from ("", ".. raw:: html", "", f"   {FITTED}", "")
        yield from (".. raw:: html", f"   :file: {file.absolute()}", "", ".. raw:: html", "", "   </div>", "")


def _links(study: Study) -> Iterator[str]:
    """Links to the tables and figures of the report."""
    pages = [file.name for file in sorted(Path(tables(study)).glob("*.html"))]
    ending = _shown(study)
    figures = [name for name in study.figures.draw if Path(root(study), figure(name), f"{name}.{ending}").is_file()]
    for title, names in (("Tables", pages), ("Figures", [f"{name}.{ending}" for name in figures])):
        if names:
            yield from ("", f"{title}: {', '.join(f'`{name}`_' for name in names)}.")


def _shown(study: Study) -> str:
    """The format of the figures in the report."""
    formats = study.figures.style.formats
    return next(name for name in ("svg", "png", "pdf") if name in formats)


def _times(recipes: Recipes) -> Iterator[str]:
    """What the jobs of each step took, by their logs."""
    study = recipes.graph.study
    rows: list[list[str]] = []
    for step in dict.fromkeys(job.step for job in recipes.graph.jobs.values()):
        found = [took(study, job) for job in recipes.graph.jobs.values() if job.step == step]
        known = [one for one in found if one]
        if known:
            clock, cpu = sum(one.clock for one in known), sum(one.cpu for one in known)
            jobs = f"{len(known)}" if len(known) == len(found) else f"{len(known)} of {len(found)} with a log"
            rows.append([step, jobs, duration(clock), duration(cpu)])
    if rows:
        yield from heading("Run times")
        heads = ["Step", "Jobs", "Time", "CPU time"]
        yield from list_table([heads, *([plain(cell) for cell in row] for row in rows)], header=True)
