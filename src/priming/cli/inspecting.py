"""Commands that look at this machine, at a study under way and at results, and change nothing."""

from pathlib import Path
from typing import Annotated

import typer

from priming.cli.groups import RESULTS, SETUP, STUDIES
from priming.cli.printing import show
from priming.cli.study_files import StudyArgument, StudyOption, chosen

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]


def doctor(as_json: AsJson = False) -> None:
    """Show what is here (versions, GPU, compiler, disk, SLURM, DVC), and what is missing for which feature."""
    from priming.inspection.doctor import examined

    show(examined(), as_json)


def status(study: StudyArgument = None, study_file: StudyOption = None, as_json: AsJson = False) -> None:
    """Show how far a study is: cells done, running and failed, with reasons, and the time to go."""
    from priming.inspection.status import status as state

    show(state(chosen(study, study_file)), as_json)


def show_result(
    result: Annotated[Path, typer.Argument(help="A folder below results/, or a file of scores.")],
    as_json: AsJson = False,
) -> None:
    """Show what a result is: strategy, task, scores, settings, run time, and what it was made from."""
    from priming.inspection.result import shown

    show(shown(result), as_json)


def errors(
    strategy: Annotated[str, typer.Argument(help="A strategy of the study, or its slug.")],
    task: Annotated[str, typer.Argument(help="A target task of the study.")],
    study_file: StudyOption = None,
    plm: Annotated[str | None, typer.Option(help="The PLM; default: the study's first.")] = None,
    number: Annotated[int, typer.Option("-n", min=0, help="Examples of each kind to print.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Show what a strategy gets wrong on a task, beside its un-primed twin: confusion, classes, examples, curves."""
    from priming.inspection.mistakes import mistakes

    show(mistakes(chosen(None, study_file), strategy, task, plm, number), as_json)


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("status", rich_help_panel=STUDIES)(status)
    app.command("show", rich_help_panel=RESULTS)(show_result)
    app.command("errors", rich_help_panel=RESULTS)(errors)
    app.command("doctor", rich_help_panel=SETUP)(doctor)
