"""The commands that give results away: export, predict."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from priming.cli.groups import SHARING
from priming.errors import DataError, nearest

if TYPE_CHECKING:
    from priming.sharing.finished import Finished

FORMATS = ("peft", "adapters", "safetensors")
Result = Annotated[
    Path,
    typer.Argument(
        metavar="RESULT", help="The folder of a result: a tuned sample, a priming, or a PLM, under results/STUDY."
    ),
]
Study = Annotated[
    Path | None, typer.Option("--study", help="The study file, where the result has elements of its extensions.")
]


def export(
    result: Result,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder to create.")],
    licence: Annotated[
        str | None, typer.Option("--license", help="The licence that the model card names, such as apache-2.0.")
    ] = None,
    formats: Annotated[
        list[str] | None,
        typer.Option("--format", help="Only this format: peft, adapters or safetensors. May be given several times."),
    ] = None,
    repository: Annotated[
        str | None,
        typer.Option(
            "--push",
            metavar="OWNER/NAME",
            help="A repository of the Hugging Face hub: say what would be uploaded there. FOLDER may be there already.",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="With --push: upload it.")] = False,
    private: Annotated[bool, typer.Option("--private", help="With --push: a new repository is private.")] = False,
    study_file: Study = None,
) -> None:
    """Write a PLM with its primed and tuned elements as a folder for transformers, adapters and PEFT."""
    from priming.sharing.push import check_exported, check_repository

    if repository:
        check_repository(repository)
    elif yes or private:
        raise DataError(f"{'--yes' if yes else '--private'} is for uploads; add --push OWNER/NAME, or leave it out")
    if repository and folder.exists():
        check_exported(folder)
    else:
        _export(result, folder, licence, formats or [], study_file)
    if repository:
        _push(folder, repository, yes, private)


def _export(result: Path, folder: Path, licence: str | None, formats: list[str], study_file: Path | None) -> None:
    from priming.sharing.export import export as export_result

    if unknown := next((name for name in formats if name not in FORMATS), None):
        raise DataError(f"--format {unknown}: unknown{nearest(unknown, FORMATS)}; allowed: {', '.join(FORMATS)}")
    chosen = export_result(_finished(result, study_file), folder, licence, formats)
    for why in chosen.refused:
        typer.echo(f"not taken: {why}")
    for name, form in chosen.formats:
        typer.echo(f"{folder / name}: for {form.library}")
    typer.echo(f"written: {folder}; logits as in training, the largest difference is {chosen.difference:.1e}")


def _push(folder: Path, repository: str, yes: bool, private: bool) -> None:
    from priming.sharing.push import listed, push

    if yes:
        typer.echo(f"uploaded: {push(folder, repository, private)}")
        return
    files = listed(folder)
    for name, size in files:
        typer.echo(f"{size:>15,} {name}")
    total = sum(size for _, size in files)
    typer.echo(f"nothing was uploaded: {len(files)} files, {total:,} bytes would go to {repository}; add --yes")


def predict(
    result: Result,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Rows: .jsonl, .csv, .tsv, .parquet, .conll.")],
    out: Annotated[
        Path | None, typer.Option(help="The file to write, .jsonl or .csv; default: JSON lines on the standard output.")
    ] = None,
    template: Annotated[
        str | None,
        typer.Option(
            "--input", help="How an input is made from columns, as in '{premise} {hypothesis}'; default: '{input}'."
        ),
    ] = None,
    decoder: Annotated[
        str | None, typer.Option(help="How answers are read off: ranking, greedy or beam; default: as in the study.")
    ] = None,
    study_file: Study = None,
) -> None:
    """Answer rows of your own by a tuned model."""
    from priming.sharing.predict import predict as predict_rows

    number = predict_rows(_finished(result, study_file), file, out, template, decoder)
    if out:
        typer.echo(f"written: {out}, {number} rows")


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(rich_help_panel=SHARING)(export)
    app.command(rich_help_panel=SHARING)(predict)


def _finished(result: Path, study_file: Path | None) -> "Finished":
    from priming.sharing.finished import read_finished
    from priming.study import load_study

    if study_file:
        load_study(study_file)
    return read_finished(result)
