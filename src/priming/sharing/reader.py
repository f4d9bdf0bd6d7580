"""Runs the code of model cards, in a process of its own that knows nothing of this package.

It is run by its path. Each line that it reads is a job in JSON: the file of the code, the inputs (safetensors), and the
file for the logits that `logits_of` gives for them. For each it prints a line with the error, or null.
"""

import contextlib
import json
import runpy
import sys
from typing import Any

from safetensors.torch import load_file, save_file


def run(job: dict[str, Any]) -> None:
    """Run one job; raises whatever its code raises."""
    names = runpy.run_path(job["code"])
    logits = names["logits_of"](**load_file(job["inputs"]))
    save_file({"logits": logits.detach().float().contiguous()}, job["logits"])
    if ours := [name for name in sys.modules if name.partition(".")[0] == "priming"]:
        raise RuntimeError(f"{ours[0]} was imported")


def main() -> None:
    """Run the jobs until there are no more; what code prints goes to stderr."""
    for line in sys.stdin:
        error = None
        with contextlib.redirect_stdout(sys.stderr):
            try:
                run(json.loads(line))
            except Exception as raised:
                error = f"{type(raised).__name__}: {raised}"
        print(json.dumps(error), flush=True)


if __name__ == "__main__":
    main()
