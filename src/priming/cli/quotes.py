"""Commands that store the tables of studies for documents, and insert them there."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from priming.cli.groups import NearestGroup
from priming.errors import DataError

quotes_app = typer.Typer(
    cls=NearestGroup, no_args_is_help=True, help="Store tables of results, and quote them in the documents."
)


@quotes_app.command()
def keep(study_file: Annotated[Path, typer.Argument(help="The file of a finished study.")]) -> None:
    """Store the tables of a finished study under docs/quoted/."""
    from priming.quoting import store

    typer.echo(f"written: {store.keep(study_file)}/")


@quotes_app.command()
def write() -> None:
    """Rewrite every quoted table in README.md and docs/."""
    from priming.quoting import documents

    for path in documents.write(documents.documents()):
        typer.echo(f"written: {path}")


@quotes_app.command()
def confirm(
    study: Annotated[str, typer.Argument(help="The name of a stored study.")],
    evidence: Annotated[str, typer.Option(help="What was compared and how.")],
    how: Annotated[
        Literal["run again", "compared equal", "equal but for rounding"],
        typer.Option(
            help="`run again`: the whole study; `compared equal`: results of less than the whole study; `equal but for "
            "rounding`: not made again, and other sums are taken in another order."
        ),
    ] = "compared equal",
) -> None:
    """Record that a study's numbers were reproduced at this commit, although its code differs."""
    from priming.quoting import store

    store.confirm(store.FOLDER / study, how, evidence)


@quotes_app.command()
def check() -> None:
    """List differences in settings, rows or code from the quoted studies; the exit status is 2 if there are any."""
    from priming.quoting import store
    from priming.study.load import load_study

    stale = []
    for folder in store.quotes():
        study_file = Path(store.read(folder).study_file)
        data = store.prepared_data(load_study(study_file), study_file.parent)
        stale += [
            f"{folder}: {difference} differs from {study_file} in this checkout"
            for difference in store.differences(folder, data)
        ]
    if stale:
        raise DataError(
            "\n".join(
                [
                    *stale,
                    "Run the studies again and store them (priming quotes keep STUDY_FILE), then type: make quotes",
                ]
            )
        )
