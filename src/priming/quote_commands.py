"""Commands that keep the tables of studies for documents, and write them there."""

from pathlib import Path
from typing import Annotated

import typer

from priming.command_groups import NearestGroup
from priming.errors import DataError

quotes_app = typer.Typer(cls=NearestGroup, no_args_is_help=True, help="Keep tables of results for the documents, and write them there.")


@quotes_app.command()
def keep(study_file: Annotated[Path, typer.Argument(help="The study file, of a finished study.")]) -> None:
    """Keep the tables of a finished study under docs/quoted/."""
    from priming.quoting import store

    typer.echo(f"written: {store.keep(study_file)}/")


@quotes_app.command()
def write() -> None:
    """Write every quoted table of README.md and docs/ anew."""
    from priming.quoting import documents

    for path in documents.write(documents.documents()):
        typer.echo(f"written: {path}")


@quotes_app.command()
def confirm(
    study: Annotated[str, typer.Argument(help="The name of a study that is kept.")],
    evidence: Annotated[str, typer.Option(help="What was compared, and how.")],
    again: Annotated[bool, typer.Option("--again", help="The whole study was run again; without it, its results were compared equal.")] = False,
) -> None:
    """Note that a study's numbers came out at this commit too, whose code is another."""
    from priming.quoting import store

    store.confirm(store.FOLDER / study, "run again" if again else "compared equal", evidence)


@quotes_app.command()
def check() -> None:
    """Say where the checkout asks for other settings, rows or code than the quoted studies had; the exit status is 2 then."""
    from priming.quoting import store
    from priming.study.load import load_study

    stale = []
    for folder in store.quotes():
        study_file = Path(store.read(folder).study_file)
        data = store.prepared_data(load_study(study_file), study_file.parent)
        stale += [f"{folder}: {difference} differs from what {study_file} asks for" for difference in store.differences(folder, data)]
    if stale:
        raise DataError("\n".join([*stale, "Run the studies again and keep them (priming quotes keep STUDY_FILE), then type: make quotes"]))
