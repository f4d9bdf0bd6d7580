"""What plans and checks a study loads no library of models: it answers at once, and needs none of them to be there."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = ("torch", "transformers", "adapters", "datasets", "accelerate", "safetensors", "matplotlib", "scipy")
WITHOUT = f"""
import sys
sys.modules.update(dict.fromkeys({HEAVY}))  # None: an import fails
from {{module}} import main
sys.argv = {{args}}
main()
"""


def without(module: str, args: list[str]) -> subprocess.CompletedProcess[str]:
    """A command in a process in which no heavy library can be imported."""
    code = WITHOUT.format(module=module, args=args)
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "command", [["check", "config.yaml"], ["plan", "studies/crossfit-random.yaml"], ["dvc", "config.yaml"], ["schema"]]
)
def test_what_is_said_of_a_study_needs_no_model(command: list[str]) -> None:
    done = without("priming.cli", ["priming", *command])
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_a_dry_run_needs_no_model() -> None:
    done = without(
        "snakemake.cli",
        ["snakemake", "--dry-run", "--quiet", "--cores", "1", "--configfile", "studies/crossfit-random.yaml"],
    )
    assert done.returncode == 0, done.stderr


def test_a_heavy_library_would_be_seen() -> None:
    done = without("priming.training.downstream", [])
    assert "import of torch halted" in done.stderr
