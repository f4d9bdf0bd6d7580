"""Programs in processes forked from one that has imported what they need, which takes most of the time to start them.

The process that is forked from imports nothing of this package: a checkout's Snakefile finds the checkout's own.
"""

import os
import runpy
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import get_context
from pathlib import Path
from subprocess import CompletedProcess
from typing import IO

CONTEXT = get_context("forkserver")
CONTEXT.set_forkserver_preload(["snakemake.cli", "torch", "transformers", "adapters", "datasets", __name__])


def environment() -> dict[str, str]:
    """What programs see, which is the same for all tests: not the name of the one that runs."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}


def snakemake(folder: Path, seen: Mapping[str, str], arguments: Sequence[str]) -> tuple[int, str]:
    """Run Snakemake as `python -m snakemake` does in a folder; its exit status, and what it printed."""
    with tempfile.TemporaryFile() as printed:
        status = _run(_snakemake, (["snakemake", *arguments], ""), folder, seen, (printed, printed))
        return status, _read(printed)


def script(
    file: Path, *arguments: str, folder: Path | None = None, seen: Mapping[str, str] | None = None
) -> CompletedProcess[str]:
    """Run a script as `python FILE ARGUMENTS` does, in a folder (here) with an environment (that of all tests)."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        words = [str(file), *arguments]
        status = _run(_script, (words, str(file.parent)), folder or Path.cwd(), seen or environment(), (out, err))
        return CompletedProcess(words, status, _read(out), _read(err))


def _run(
    program: Callable[[], None],
    started_as: tuple[list[str], str],
    folder: Path,
    seen: Mapping[str, str],
    streams: tuple[IO[bytes], IO[bytes]],
) -> int:
    """Run a program in a fork, which finds modules at `started_as[1]` first; its exit status."""
    files = [Path(f"/proc/{os.getpid()}/fd/{stream.fileno()}") for stream in streams]
    process = CONTEXT.Process(target=_main, args=(program, started_as, folder, dict(seen), files))
    process.start()
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def _main(
    program: Callable[[], None],
    started_as: tuple[list[str], str],
    folder: Path,
    seen: dict[str, str],
    files: Sequence[Path],
) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(seen)
    for stream, file in enumerate(files, 1):
        with file.open("ab") as opened:
            os.dup2(opened.fileno(), stream)
    sys.argv = started_as[0]
    sys.path.insert(0, started_as[1])
    program()


def _snakemake() -> None:
    from snakemake.cli import main

    main(sys.argv[1:])


def _script() -> None:
    runpy.run_path(sys.argv[0], run_name="__main__")


def _read(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()
