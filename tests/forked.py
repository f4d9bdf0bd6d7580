"""Snakemake in a process that is forked from one that has imported it, which takes half of the time to start.

The process that is forked from imports nothing of this package: a checkout's Snakefile finds the checkout's own.
"""

import os
import sys
import tempfile
from multiprocessing import get_context
from pathlib import Path

CONTEXT = get_context("forkserver")
CONTEXT.set_forkserver_preload(["snakemake.cli", __name__])


def snakemake(folder: Path, environment: dict[str, str], arguments: list[str]) -> tuple[int, str]:
    """Run Snakemake as `python -m snakemake` does in a folder; its exit status, and what it printed."""
    with tempfile.NamedTemporaryFile() as printed:
        process = CONTEXT.Process(target=_main, args=(folder, environment, arguments, Path(printed.name)))
        process.start()
        process.join()
        assert process.exitcode is not None
        return process.exitcode, printed.read().decode()


def _main(folder: Path, environment: dict[str, str], arguments: list[str], printed: Path) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    with printed.open("wb") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    sys.path.insert(0, "")
    sys.argv = ["snakemake", *arguments]
    from snakemake.cli import main

    main(arguments)
