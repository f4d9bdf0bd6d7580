"""Opening an exported folder as others will: the code of its card, in a process that does not know this package."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from safetensors.torch import load_file, save_file
from torch import Tensor

from priming.errors import DataError

READER = Path(__file__).with_name("reader.py")
_LINES = 3


class FreshProcess:
    """A process that runs the code of cards, one after the other."""

    def __enter__(self) -> Self:
        self._work = tempfile.TemporaryDirectory()
        self._said = Path(self._work.name, "said").open("w+", encoding="utf-8")
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(READER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.communicate()
        self._said.close()
        self._work.cleanup()

    def logits(self, code: str, inputs: dict[str, Tensor]) -> Tensor | str:
        """What the `logits_of` of some code gives for inputs, or why it gives nothing.

        Raises:
            DataError: the process ended, as for want of memory.
        """
        work = Path(self._work.name)
        job = {name: str(work / f"{name}.{kind}") for name, kind in _FILES.items()}
        Path(job["code"]).write_text(code, encoding="utf-8")
        save_file({name: value.contiguous() for name, value in inputs.items()}, job["inputs"])
        assert self._process.stdin
        assert self._process.stdout
        try:
            self._process.stdin.write(json.dumps(job) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            raise DataError(f"the process that opens the folder as others will ended: {self._last_lines()}")
        error: str | None = json.loads(answer)
        return error or load_file(job["logits"])["logits"]

    def _last_lines(self) -> str:
        self._process.wait()
        self._said.seek(0)
        return " ".join(self._said.read().splitlines()[-_LINES:]) or f"status {self._process.returncode}"


_FILES = {"code": "py", "inputs": "safetensors", "logits": "safetensors"}
