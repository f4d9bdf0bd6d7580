"""The commands `priming tasks ...`. Each imports what it needs when it runs."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from priming.cli.groups import NearestGroup
from priming.errors import DataError, StudyError

tasks_app = typer.Typer(
    cls=NearestGroup,
    no_args_is_help=True,
    help="Built-in tasks, CrossFit's tasks, and tasks defined in a study.",
    rich_markup_mode=None,
)

OfStudy = Annotated[Path | None, typer.Option("--study", help="Only the tasks of this study.")]
Names = Annotated[list[str], typer.Argument(help="Tasks of CrossFit, as listed by 'priming tasks list'.")]
HubFolder = Annotated[
    Path | None,
    typer.Option("--hub", help="Mirror folder to read; default: the one in PRIMING_HUB, else the live hub."),
]
To = Annotated[Path, typer.Option("--to", help="The output folder.")]

DIFFERS, MISSING = 3, 4


@tasks_app.command("list")
def list_tasks(study_file: OfStudy = None) -> None:
    """List the built-in tasks by role and CrossFit's tasks, or the tasks of a study."""
    from priming.tasks.show import listed_tasks

    typer.echo(listed_tasks(study_file), nl=False)


@tasks_app.command("show")
def show_task(
    name: Annotated[str, typer.Argument(help="The task.")],
    study_file: Annotated[
        Path | None, typer.Option("--study", help="The study that defines the task; not needed for a built-in task.")
    ] = None,
    number: Annotated[int, typer.Option("-n", min=0, help="Number of examples to print.")] = 8,
) -> None:
    """Print a task, with examples as the model sees them."""
    from priming.tasks.show import shown_task

    typer.echo(shown_task(name, study_file, number), nl=False)


@tasks_app.command()
def export(
    names: Names,
    to: To,
    fidelity: Annotated[Literal["crossfit", "fixed"], typer.Option(help="As in CrossFit, or corrected.")] = "crossfit",
    hub: HubFolder = None,
) -> None:
    """Write CrossFit's own files: {task}_{k}_{sample}_{train,dev,test}.tsv, for its five samples."""
    from priming.tasks.crossfit.export import export as exported
    from priming.tasks.crossfit.export import from_hub
    from priming.tasks.progress import bar

    failed = []
    for name, said in bar(exported(names, fidelity, from_hub(_folder(hub), Path()), to), "tasks", len(names)):
        if isinstance(said, DataError):
            failed.append(str(said))
        else:
            typer.echo("\n".join([f"{name}: 15 files in {to}", *(f"note: {note}" for note in said)]))
    if failed:
        raise DataError("\n".join(failed))


@tasks_app.command()
def verify(
    names: Annotated[list[str] | None, typer.Argument(help="Tasks of CrossFit; default: all.")] = None,
    hub: HubFolder = None,
) -> None:
    """Compare the files of tasks with CrossFit's published MD5 sums.

    The exit status is 3 if a file differs, and 4 if a task that was named is not available.
    """
    from priming.tasks.crossfit.export import from_hub, table
    from priming.tasks.crossfit.export import verify as verified
    from priming.tasks.crossfit.registry import names as every
    from priming.tasks.progress import bar

    chosen = names or list(every())
    verdicts = list(bar(verified(chosen, from_hub(_folder(hub), Path())), "tasks", len(chosen)))
    typer.echo(table(verdicts), nl=False)
    results = {verdict.result for verdict in verdicts}
    if "differs" in results:
        raise typer.Exit(DIFFERS)
    if names and "not available" in results:
        raise typer.Exit(MISSING)


@tasks_app.command()
def mirror(
    to: To,
    names: Annotated[list[str] | None, typer.Argument(help="Tasks of CrossFit.")] = None,
    study_file: Annotated[
        Path | None, typer.Option("--study", help="Mirror the data sets that this study needs.")
    ] = None,
) -> None:
    """Download data sets from the hub into a folder, for machines without a network; resumes where it stopped.

    Then set `tasks.hub_folder` in the study file, or PRIMING_HUB in the environment, to that folder.
    """
    from priming.tasks.mirroring import fetched
    from priming.tasks.names import open_study, wanted_of_hub
    from priming.tasks.progress import bar

    tasks = open_study(study_file, of_data=False).tasks if study_file else None
    if not names and not tasks:
        raise StudyError("name tasks to mirror, or a study with --study FILE")
    wanted = wanted_of_hub(names or [], tasks)
    failed = []
    for request, found in bar(fetched(wanted, to), "data sets", len(wanted)):
        if isinstance(found, DataError):
            failed.append(str(found))
        else:
            typer.echo(
                f"{request.id}{f' ({request.config})' if request.config else ''}: {found} files in {to / request.id}"
            )
    if failed:
        raise DataError("\n".join(failed))


def _folder(hub: Path | None) -> str | None:
    """The mirror folder given on the command line; it overrides the environment."""
    import os

    if hub:
        os.environ.pop("PRIMING_HUB", None)
    return str(hub.absolute()) if hub else None
