"""The command line. What a command needs is imported when it runs, so that `priming --help` answers at once."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from priming.command_groups import NearestGroup
from priming.errors import DataError, UserError
from priming.quote_commands import quotes_app
from priming.task_commands import tasks_app

StudyFile = Annotated[Path, typer.Option("--study", help="The study file.")]

STEPS = {
    "prepare": "Prepare tasks: their rows, few-shot samples drawn.",
    "pretrain": "Make a pretrained language model, or fetch it.",
    "prime": "Prime a pretrained language model on the source tasks.",
    "tune": "Tune target tasks from a primed model.",
    "tables": "Write the tables of a study.",
    "figure": "Draw a figure from the tables.",
}
MADE = (".csv", ".md", ".tex", ".svg", ".pdf", ".png")


app = typer.Typer(cls=NearestGroup, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
app.add_typer(tasks_app, name="tasks")
app.add_typer(quotes_app, name="quotes")


@app.callback()
def _describe() -> None:
    """Prime pretrained language models for parameter-efficient few-shot tuning, and measure what it brings."""


@app.command()
def check(
    study_file: Annotated[Path, typer.Argument(help="The study file.")] = Path("config.yaml"),
    full: Annotated[bool, typer.Option("--full", help="Print the study with every default filled in.")] = False,
) -> None:
    """Say every mistake in a study file; nothing is made."""
    from priming.tasks.names import missing_tasks, open_study

    study = open_study(study_file)
    if full:
        from priming.study.document import written

        typer.echo(written(study), nl=False)
        return
    parts = ", ".join(f"{len(getattr(study.tasks, part))} {part}" for part in ("source", "development", "target"))
    plms = f"PLM {', '.join(study.plms)}"
    for why in dict.fromkeys(missing_tasks(study, study_file.parent).values()):
        typer.echo(f"missing: {why.partition('; to read a mirror')[0]}")
    typer.echo(f"{study_file}: study {study.name!r} is in order: {plms}, {len(study.strategies)} strategies, tasks: {parts}")


@app.command()
def schema(
    write: Annotated[bool, typer.Option("--write", help="Write the schema and the reference of the docs.")] = False,
) -> None:
    """Print the JSON schema of study files."""
    import json

    from priming.study import reference

    if not write:
        typer.echo(json.dumps(reference.schema(), indent=2))
        return
    for path in reference.write(Path()):
        typer.echo(f"written: {path}")


@app.command()
def convert(
    source: Annotated[str, typer.Argument(metavar="ID_OR_FOLDER", help="A model on the hub, or a folder of one.")],
    to: Annotated[Path, typer.Option(help="The new folder.")],
    revision: Annotated[str | None, typer.Option(help="The commit, of a model on the hub.")] = None,
) -> None:
    """Convert a model whose weights are a pickle into a folder with safetensors, for `path` of a study's PLM."""
    from priming.models.conversion import Source, convert

    is_folder = Path(source).is_dir()
    if is_folder == bool(revision):
        problem = "is a folder and has no revision; leave out" if is_folder else "is no folder; a model on the hub needs its revision, add"
        raise DataError(f"{source} {problem} --revision{'' if is_folder else ' <commit>'}")
    convert(Source(source, revision), to)
    typer.echo(f"written: {to}")


def _add_step(name: str, help_text: str) -> None:
    """Add the command of a step of the workflow; its rules call it."""

    @app.command(name, help=help_text)
    def run_step(study_file: StudyFile, out: Annotated[str, typer.Option(help="The folder that the job declares.")]) -> None:
        """Make what one job makes; the help of each step is in STEPS."""
        from priming.steps import run

        run(name, study_file, out)


for _name, _help in STEPS.items():
    _add_step(_name, _help)


@app.command()
def verdict(study_file: StudyFile) -> None:
    """Name the cells of a finished study that failed; the exit status is 3 then."""
    from priming.steps import verdict as failed_cells

    if failed := failed_cells(study_file):
        typer.echo("\n".join(failed), err=True)
        raise typer.Exit(3)


@app.command()
def made(study_file: StudyFile) -> None:
    """Name the tables and figures that a study has made."""
    from priming.jobs import root
    from priming.study import load_study

    results = Path(root(load_study(study_file)))
    for path in sorted([*results.glob("tables/*"), *results.glob("figures/*/*")]):
        if path.suffix in MADE:
            typer.echo(path)


@app.command()
def compare(
    first: Annotated[str, typer.Argument(metavar="STRATEGY", help="A strategy of the study.")],
    second: Annotated[str | None, typer.Argument(metavar="[STRATEGY]", help="Another, to compare it with.")] = None,
    study_file: StudyFile = Path("config.yaml"),
    other_file: Annotated[
        Path | None, typer.Option("--in", help="The study file of the second; without a second strategy, the same in both.")
    ] = None,
    plm: Annotated[str | None, typer.Option(help="Only this PLM of the study.")] = None,
) -> None:
    """Compare two strategies of finished studies: the paired difference with its interval and test."""
    from priming.reporting.compare import described, sides

    typer.echo("\n\n".join(described(*pair) for pair in sides(first, second, study_file, other_file, plm)))


@app.command()
def published(paper: Annotated[str | None, typer.Argument(help="Only this paper, such as adl2022.")] = None) -> None:
    """Print published numbers, and what follows from them beside what is printed."""
    from priming.published.show import shown

    typer.echo(shown(paper), nl=False)


@app.command()
def plan(
    study_file: Annotated[Path, typer.Argument(help="The study file.")] = Path("config.yaml"),
    gpu: Annotated[str, typer.Option(help="The GPU whose hours are estimated.")] = "a100",
    tokens: Annotated[int, typer.Option(min=1, help="Input tokens of an example in the mean, where the study allows more.")] = 128,
) -> None:
    """Say what a study will take: cells, trainings, tokens, GPU hours, disk; and what is done."""
    from priming.plan import described
    from priming.plan import plan as planned
    from priming.tasks.names import open_study, said_of_tasks

    study = open_study(study_file)
    typer.echo(described(planned(study, study_file.parent, gpu.lower(), tokens), tokens))
    if said := said_of_tasks(study, study_file.parent):
        typer.echo("\n".join(["", *said]))


@app.command()
def dvc(
    study_file: Annotated[Path, typer.Argument(help="The study file.")] = Path("config.yaml"),
    write: Annotated[bool, typer.Option("--write", help="Write it to ./dvc.yaml.")] = False,
    tables_in_git: Annotated[
        bool | None, typer.Option("--tables-in-git/--tables-in-dvc", help="Who carries tables and settings; without it as in ./dvc.yaml, or DVC.")
    ] = None,
) -> None:
    """Print the dvc.yaml of a study."""
    from priming import pipeline
    from priming.jobs import graph
    from priming.tasks.names import open_study

    jobs = graph(open_study(study_file))
    if write:
        pipeline.write(jobs, study_file, tables_in_git)
        typer.echo(f"written: {pipeline.FILE}")
    else:
        typer.echo(pipeline.text(jobs, study_file, bool(tables_in_git)), nl=False)


@app.command()
def settings(study_file: Annotated[Path, typer.Argument(help="The study file.")] = Path("config.yaml")) -> None:
    """Write what each stage of dvc.yaml depends on in the study, every default filled in; a stage calls it."""
    from priming import pipeline
    from priming.jobs import graph
    from priming.tasks.names import open_study

    typer.echo(f"written: {pipeline.write_settings(graph(open_study(study_file)), study_file)}/")


@app.command()
def fetch(
    stage: Annotated[str, typer.Argument(help="The stage of dvc.yaml.")],
    out: Annotated[Path, typer.Option(help="The folder that it makes.")],
) -> None:
    """Fetch what dvc.lock has of a stage, if its folder is not here; a stage calls it."""
    from priming.sharing import fetch as fetch_recorded

    if fetch_recorded(stage, out):
        typer.echo(f"fetched: {out}")


@app.command()
def share(
    remote: Annotated[str, typer.Option(help="A folder, or a URL that DVC knows, such as s3://bucket/path.")],
    study_file: Annotated[Path, typer.Argument(help="The study file.")] = Path("config.yaml"),
) -> None:
    """Make this clone the repository of a study: its dvc.yaml, a DVC remote, tables in git."""
    from priming.sharing import share as share_study

    typer.echo(share_study(study_file, remote))


def main() -> None:
    """Run the command line; a user's mistake is one message on stderr and the exit status of its class."""
    try:
        app()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
