"""The command line. Each command imports what it needs when it runs, so that `priming --help` is fast."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from priming.cli import inspecting, sharing
from priming.cli.groups import DATA, RESULTS, SETUP, SHARING, STUDIES, WORKFLOW, NearestGroup
from priming.cli.quotes import quotes_app
from priming.cli.study_files import DEFAULT, StudyArgument, StudyOption, chosen, study_and_options
from priming.cli.tasks import tasks_app
from priming.errors import DataError, StudyError, UserError
from priming.programs import typed

StudyFile = Annotated[Path, typer.Option("--study", help="The study file.")]

STEPS = {
    "prepare": "Prepare tasks: read their rows and draw few-shot samples.",
    "pretrain": "Pretrain a language model, or fetch a pretrained one.",
    "prime": "Prime a pretrained language model on the source tasks.",
    "tune": "Tune target tasks from a primed model.",
    "score": "Score the predictions of tuned models.",
    "tables": "Write the tables of a study.",
    "figure": "Draw a figure from the tables.",
}


app = typer.Typer(
    cls=NearestGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"max_content_width": 120},
)
app.add_typer(tasks_app, name="tasks", rich_help_panel=DATA)
app.add_typer(quotes_app, name="quotes", rich_help_panel=SETUP)


@app.callback()
def _describe() -> None:
    """Prime pretrained language models for parameter-efficient few-shot tuning, and measure the gain."""


@app.command(rich_help_panel=STUDIES)
def check(
    argument: StudyArgument = None,
    study_file: StudyOption = None,
    full: Annotated[bool, typer.Option("--full", help="Print the study with every default filled in.")] = False,
    rows: Annotated[
        bool | None, typer.Option("--rows/--no-rows", help="Read your own rows; default: of files below 5 MB.")
    ] = None,
) -> None:
    """Validate a study file, with the folders of PLMs and the rows of small files, and list all errors."""
    file = chosen(argument, study_file)
    from priming.inspection.rows import notes_of_rows
    from priming.study.checks import notes
    from priming.tasks.names import missing_tasks, open_study

    study = open_study(file)
    if full:
        from priming.study.document import written

        typer.echo(written(study), nl=False)
        return
    parts = ", ".join(f"{len(getattr(study.tasks, part))} {part}" for part in ("source", "development", "target"))
    plms = f"PLM {', '.join(study.plms)}"
    for why in dict.fromkeys(missing_tasks(study, file.parent).values()):
        typer.echo(f"missing: {why.partition('; to read a mirror')[0]}")
    for note in [*notes(study), *notes_of_rows(study, file.parent, rows)]:
        typer.echo(f"note: {note}")
    typer.echo(f"{file}: study {study.name!r} is in order: {plms}, {len(study.strategies)} strategies, tasks: {parts}")


@app.command(rich_help_panel=SETUP)
def schema(
    write: Annotated[bool, typer.Option("--write", help="Write the schema and docs/study-file.md.")] = False,
) -> None:
    """Print the JSON schema of study files."""
    import json

    from priming.study import reference

    if not write:
        typer.echo(json.dumps(reference.schema(), indent=2))
        return
    for path in reference.write(Path()):
        typer.echo(f"written: {path}")


@app.command(rich_help_panel=DATA)
def convert(
    source: Annotated[
        str,
        typer.Argument(
            metavar="ID_OR_FOLDER_OR_FILE",
            help="The id of a model on the hub, the folder of a model, or the file of a checkpoint.",
        ),
    ],
    to: Annotated[Path, typer.Option(help="The folder to create.")],
    revision: Annotated[str | None, typer.Option(help="The commit, for a model on the hub.")] = None,
    like: Annotated[
        str | None,
        typer.Option(
            metavar="ID_OR_FOLDER", help="For a file: the model whose configuration and tokenizer the checkpoint has."
        ),
    ] = None,
) -> None:
    """Convert a model with pickled weights to a folder with safetensors, for a PLM's `path` in a study."""
    from priming.backbones.conversion import Source, convert

    file = Path(source) if Path(source).is_file() else None
    if (file is None) != (like is None):
        problem = "has neither configuration nor tokenizer; add --like <the model that was trained>"
        raise DataError(f"{source} {problem if file else 'is no file of a checkpoint, or not there; remove --like'}")
    model = like or source
    is_folder = Path(model).is_dir()
    if is_folder == bool(revision):
        problem = (
            "is a folder and has no revision; remove"
            if is_folder
            else "is not a folder; a hub model needs its revision: add"
        )
        raise DataError(f"{model} {problem} --revision{'' if is_folder else ' <commit>'}")
    note = convert(Source(model, revision), to, file)
    typer.echo(f"written: {to}")
    if brings := note.get("brings"):
        element, length = brings["element"], brings["length"]
        typer.echo(f"it brings a {element} of {length} vectors: write 'brings: {element}' beside its path, and")
        typer.echo(f"elements.{element}.length: {length}")


def _add_step(name: str, help_text: str) -> None:
    """Add the command of a workflow step, called by the rules."""

    @app.command(name, help=help_text, rich_help_panel=WORKFLOW)
    def run_step(study_file: StudyFile, out: Annotated[str, typer.Option(help="The job's output folder.")]) -> None:
        """Run one job; STEPS has the help of each step."""
        from priming.running.allocator import keep_freed_memory
        from priming.running.steps import run

        keep_freed_memory()
        run(name, study_file, out)


for _name, _help in STEPS.items():
    _add_step(_name, _help)


@app.command(rich_help_panel=STUDIES)
def run(
    argument: StudyArgument = None,
    study_file: StudyOption = None,
    options: Annotated[
        list[str] | None, typer.Argument(metavar="[-- OPTIONS]", help="Options of snakemake, such as -- --cores 4.")
    ] = None,
    keep_as: Annotated[
        str | None, typer.Option(metavar="NAME", help="Keep the present tables for 'priming compare --kept NAME'.")
    ] = None,
    as_printed: Annotated[
        bool, typer.Option("--plain", help="Print what snakemake prints, instead of the progress.")
    ] = False,
) -> None:
    """Run a study and show its progress; goes on where an earlier run was stopped or killed."""
    from priming.cli.progress_view import open_view
    from priming.running.kept_tables import keep_tables
    from priming.running.whole_study import run_study

    file, given = study_and_options(argument, study_file, options or [])
    if keep_as:
        typer.echo(f"kept: {keep_tables(file, keep_as)}")
    raise typer.Exit(run_study(file, given, None if as_printed else open_view))


@app.command(rich_help_panel=WORKFLOW)
def failures(argument: StudyArgument = None, study_file: StudyOption = None) -> None:
    """List the failed cells of a finished study; the exit status is 3 if there are any."""
    file = chosen(argument, study_file)
    from priming.running.whole_study import failures as failed_cells

    if failed := failed_cells(file):
        typer.echo("\n".join(failed), err=True)
        raise typer.Exit(3)


@app.command(rich_help_panel=RESULTS)
def verify(
    path: Annotated[Path, typer.Argument(help="A folder of results, or a file in one.")] = Path("results"),
    repair: Annotated[
        bool, typer.Option("--repair", help="Remove bad results; snakemake then makes them again.")
    ] = False,
) -> None:
    """Compare all files of results with the digests in their recipes; the exit status is 4 if any differs."""
    from priming.jobs import verify as verifying
    from priming.running.result_locks import held_alone

    number, bad = verifying.verify(path)
    for one in bad:
        typer.echo("\n".join(one.reasons), err=True)
    for one in bad if repair else ():
        if verifying.repair(one, held_alone):
            typer.echo(f"removed: {one.folder}")
    counted = f"{number} result{'' if number == 1 else 's'}, {len(bad)} bad"
    typer.echo(counted + ("; run snakemake again" if bad and repair else ""))
    if bad and not repair:
        those = "1 result is bad; remove it" if len(bad) == 1 else f"{len(bad)} results are bad; remove them"
        raise DataError(f"{those} with: {typed(f'priming verify {path} --repair')}")


@app.command(rich_help_panel=RESULTS)
def outputs(argument: StudyArgument = None, study_file: StudyOption = None) -> None:
    """List the tables and figures of a study."""
    file = chosen(argument, study_file)
    from priming.running.outputs import left_over, outputs_of
    from priming.study import load_study

    study = load_study(file)
    for path in outputs_of(study):
        typer.echo(path)
    if old := left_over(study):
        folders = " ".join(map(str, old))
        typer.echo(f"no longer drawn by {file}, and left from before: {folders}; remove: rm -r {folders}", err=True)


@app.command(rich_help_panel=RESULTS)
def compare(
    first: Annotated[str, typer.Argument(metavar="STRATEGY", help="A strategy of the study.")],
    second: Annotated[str | None, typer.Argument(metavar="[STRATEGY]", help="The strategy to compare it with.")] = None,
    study_file: StudyFile = DEFAULT,
    other_file: Annotated[
        Path | None,
        typer.Option(
            "--in",
            help="The second strategy's study file; without a second strategy, the first is compared in both studies.",
        ),
    ] = None,
    kept: Annotated[
        str | None, typer.Option(help="Compare with the tables that 'priming run --keep-as' kept under this name.")
    ] = None,
    plm: Annotated[str | None, typer.Option(help="Only this PLM of the study.")] = None,
) -> None:
    """Compare two strategies of finished studies: print their paired difference with its interval and test."""
    from priming.reporting.compare import described, sides, with_kept

    if kept and other_file:
        raise StudyError("--kept and --in are both given; give one")
    pairs = (
        with_kept(first, second, study_file, kept, plm) if kept else sides(first, second, study_file, other_file, plm)
    )
    typer.echo("\n\n".join(described(*pair) for pair in pairs))


@app.command(rich_help_panel=SETUP)
def published(paper: Annotated[str | None, typer.Argument(help="Only this paper, such as adl2022.")] = None) -> None:
    """Print published numbers beside the values recomputed from them."""
    from priming.published.show import shown

    typer.echo(shown(paper), nl=False)


@app.command(rich_help_panel=STUDIES)
def plan(
    argument: StudyArgument = None,
    study_file: StudyOption = None,
    gpu: Annotated[str, typer.Option(help="The GPU to estimate hours for.")] = "a100",
    tokens: Annotated[
        int, typer.Option(min=1, help="Assumed mean number of input tokens per example, if the study allows more.")
    ] = 128,
) -> None:
    """Estimate what a study takes (cells, trainings, tokens, GPU hours, disk), and list what is done."""
    file = chosen(argument, study_file)
    with _without_collecting():
        from priming.resources.plan import described
        from priming.resources.plan import plan as planned
        from priming.tasks.names import open_study, said_of_tasks

        study = open_study(file)
        typer.echo(described(planned(study, file.parent, gpu.lower(), tokens), tokens))
        if said := said_of_tasks(study, file.parent):
            typer.echo("\n".join(["", *said]))


@app.command(rich_help_panel=SHARING)
def dvc(
    argument: StudyArgument = None,
    study_file: StudyOption = None,
    write: Annotated[bool, typer.Option("--write", help="Write ./dvc.yaml.")] = False,
    tables_in_git: Annotated[
        bool | None,
        typer.Option(
            "--tables-in-git/--tables-in-dvc",
            help="Where tables and settings are stored; default: as in the existing ./dvc.yaml, else in DVC.",
        ),
    ] = None,
) -> None:
    """Print or write the dvc.yaml of a study."""
    file = chosen(argument, study_file)
    from priming.dvc import pipeline
    from priming.jobs.graph import graph
    from priming.tasks.names import open_study

    jobs = graph(open_study(file))
    if write:
        pipeline.write(jobs, file, tables_in_git)
        typer.echo(f"written: {pipeline.FILE}")
    else:
        typer.echo(pipeline.text(jobs, file, bool(tables_in_git)), nl=False)


@app.command(rich_help_panel=WORKFLOW)
def settings(argument: StudyArgument = None, study_file: StudyOption = None) -> None:
    """Write the settings that each stage of dvc.yaml depends on, defaults included; called by a stage."""
    file = chosen(argument, study_file)
    from priming.dvc import pipeline
    from priming.jobs.graph import graph
    from priming.tasks.names import open_study

    typer.echo(f"written: {pipeline.write_settings(graph(open_study(file)), file)}/")


@app.command(rich_help_panel=WORKFLOW)
def fetch(
    stage: Annotated[str, typer.Argument(help="The stage of dvc.yaml.")],
    out: Annotated[Path, typer.Option(help="The stage's output folder.")],
) -> None:
    """Fetch the results of a stage recorded in dvc.lock, if its folder is missing; called by a stage."""
    from priming.dvc.remote import fetch as fetch_recorded

    if fetch_recorded(stage, out):
        typer.echo(f"fetched: {out}")


@app.command(rich_help_panel=SHARING)
def share(
    remote: Annotated[str, typer.Option(help="A folder, or a URL supported by DVC, such as s3://bucket/path.")],
    argument: StudyArgument = None,
    study_file: StudyOption = None,
) -> None:
    """Turn this clone into the repository of a study: write dvc.yaml, add a DVC remote, keep tables in git."""
    file = chosen(argument, study_file)
    from priming.dvc.remote import share as share_study

    typer.echo(share_study(file, remote))


inspecting.add_to(app)
sharing.add_to(app)


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Spare a short command Python's search for garbage, which takes a seventh of its time and finds little."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def main() -> None:
    """Run the command line; a user's mistake prints one message on stderr and exits with the status of its class."""
    try:
        app()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
