"""The examples of docs/extending.md work, in the package and beside a study, and make nothing unrelated stale."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from tests.tiny_study import TINY, Checkout

ROOT = Path(__file__).parents[2]
LONGEST = {"backbones": 150, "algorithms": 150}
STUDY: dict[str, Any] = {
    "strategies": ["none -> norms", "alternating[norms] -> norms", "mtl[plm] -> adapter"],
    "seeds": [1],
    "scoring": {"metrics": ["accuracy", "balanced_accuracy"]},
    "figures": {"draw": ["runs", "strategy_matrix"]},
}
ARCHITECTURE = {
    "family": "mistral",
    "d_model": 16,
    "layers": 1,
    "ffn": 16,
    "heads": 2,
    "positions": 64,
    "vocabulary": 300,
}


class Example(NamedTuple):
    """A diff of the page: the file that it adds, its text, and how many lines change elsewhere."""

    name: str
    room: str
    diff: str
    added: str
    elsewhere: int


def examples() -> list[Example]:
    page = (ROOT / "docs/extending.md").read_text(encoding="utf-8")
    return [_example(diff) for diff in re.findall(r"```diff\n(.*?)```", page, flags=re.DOTALL)]


def _example(diff: str) -> Example:
    files = re.split(r"(?m)^diff --git .*\n", diff)[1:]
    (new,) = [file for file in files if file.startswith("new file")]
    path = Path(re.findall(r"(?m)^\+\+\+ b/src/priming/(.*)$", new)[0])
    added = "".join(f"{line[1:]}\n" for line in new.splitlines() if line.startswith("+") and not line.startswith("+++"))
    elsewhere = sum(
        bool(re.match(r"\+(?!\+\+ )", line)) for file in files if file is not new for line in file.splitlines()
    )
    return Example(path.stem, path.parts[0], diff, added, elsewhere)


EXAMPLES = examples()


def study(**changes: Any) -> dict[str, Any]:
    """The tiny study with what the examples add."""
    tiny = yaml.safe_load(TINY.read_text(encoding="utf-8"))
    tiny["plms"]["mini"]["generate"]["architecture"] = ARCHITECTURE
    rows = {
        "files": {"train": "spans.csv", "test": "spans.csv"},
        "kind": "extract",
        "input": "{text}",
        "output": "span",
    }
    tiny["tasks"]["define"] = {"spans": rows}
    tiny["tasks"] |= {
        "source": ["film_verdict", "echo_first"],
        "target": ["dinner_review", "echo_last", "spans"],
        "shots_in_all": 3,
        "samples": [13],
    }
    tiny["priming"]["alternating"] = {"batch": 4, "budget": {"steps": 2}, "learning_rates": {"norms": 0.01}}
    tiny["tuning"]["learning_rates"] = {"norms": [0.1]}
    return {**tiny, **STUDY, **changes}


def write(checkout: Checkout, settings: dict[str, Any]) -> None:
    write_rows(checkout.folder)
    (checkout.folder / "config.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")


def write_rows(folder: Path) -> None:
    """Rows of the task of spans: the last word of each text."""
    words = [f"{a} {b}" for a in ("red", "blue", "green") for b in ("house", "tree", "stone", "river", "horse")]
    (folder / "spans.csv").write_text(
        "".join(["text,span\n", *(f"a {text},{text.split()[-1]}\n" for text in words)]), encoding="utf-8"
    )


def patch(folder: Path, example: Example) -> None:
    command = ["git", "apply", "--unsafe-paths", f"--directory={folder}", "-"]
    done = subprocess.run(command, cwd=folder, input=example.diff, text=True, capture_output=True, check=False)
    assert done.returncode == 0, f"{example.name}: {done.stderr}"


def beside(folder: Path) -> list[str]:
    """The files of the examples, beside a study in `folder`; the names that it gives them."""
    (folder / "own").mkdir()
    for example in EXAMPLES:
        (folder / f"own/{example.name}.py").write_text(example.added, encoding="utf-8")
    return [f"own/{example.name}.py" for example in EXAMPLES]


def check(folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-m", "priming", "check", "config.yaml"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_there_is_one_of_each_kind() -> None:
    rooms = ["elements", "backbones", "forms", "algorithms", "evaluation", "tasks", "reporting"]
    assert [example.room for example in EXAMPLES] == rooms


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_an_example_is_one_short_file_and_a_line(example: Example, tmp_path: Path) -> None:
    assert len(example.added.splitlines()) <= LONGEST.get(example.room, 60)
    assert example.elsewhere == 1
    Checkout(tmp_path, ROOT)
    patch(tmp_path, example)


@pytest.mark.slow
def test_entries_in_the_package(checkout: Checkout) -> None:
    """A finished study stays finished when entries are added; one with them runs; a new metric needs no training."""
    before = yaml.safe_load(TINY.read_text(encoding="utf-8"))
    write(checkout, before)
    checkout.snakemake()
    assert checkout.executed()["tune"] > 0
    for example in EXAMPLES:
        patch(checkout.folder, example)
    assert not checkout.wanted()
    write(checkout, {**before, "scoring": {"metrics": ["accuracy", "balanced_accuracy"]}})
    checkout.snakemake()
    assert set(checkout.executed()) == {"score", "tables", "figure"}
    write(checkout, study(name="extended"))
    checkout.snakemake()
    assert {"prepare", "pretrain", "prime", "tune", "score"} <= set(checkout.executed())
    scores = (checkout.folder / "results/extended/tables/scores.csv").read_text()
    assert "alternating[norms] -> norms,echo_last,balanced_accuracy" in scores
    assert "none -> norms,spans,accuracy" in scores
    task = json.loads((checkout.folder / "results/extended/tasks/spans/task.json").read_text())
    assert (task["kind"], task["metric"]) == ("extract", "qa_f1")
    assert (checkout.folder / "results/extended/figures/runs/runs.svg").is_file()


@pytest.mark.slow
def test_entries_beside_a_study(checkout: Checkout) -> None:
    """They work without a change of the package, and a change of one makes again what uses it and nothing else."""
    write(checkout, study(extensions=beside(checkout.folder)))
    checkout.snakemake()
    checkout.executed()
    assert not checkout.wanted()
    recipe = (checkout.folder / "results/tiny/tuned/mini/none--norms/seed-1/echo_last/recipe.json").read_text()
    assert '"norms"' in recipe
    checkout.edit("own/norms.py", '"layer norms", (1e-2,)', '"layer norms", (2e-2,)')
    checkout.snakemake()
    made = checkout.executed()
    assert (made["prime"], made["tune"]) == (1, 6)  # not mtl[plm], nor adapters
    assert not made["prepare"] + made["pretrain"]


def test_a_change_of_a_file_that_an_entry_imports_counts(checkout: Checkout) -> None:
    names = beside(checkout.folder)
    (checkout.folder / "own/letters.py").write_text('LETTERS = ("a", "b")\n')
    echo = checkout.folder / "own/echo.py"
    echo.write_text(
        echo.read_text().replace("import random\n", "import random\n\nfrom letters import LETTERS as _LETTERS\n", 1)
    )
    write(checkout, study(extensions=names))
    code = (
        "from pathlib import Path; from priming.study import load_study; from priming.jobs import code; "
        "load_study(Path('config.yaml'))"
    )
    shown = f"{code}; print(code.closure('echo'))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, "-c", shown], cwd=checkout.folder, env=environment, capture_output=True, text=True, check=True
    )
    assert "'letters'" in done.stdout
    assert "'priming.tasks.prepare'" in done.stdout


BARE = "from priming.elements.interface import Element\n\nclass Bare(Element):\n    name = 'bare'\n"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("own/nrms.py", None, "there is no file 'own/nrms.py'; did you mean 'norms.py'"),
        (
            "own/empty.py",
            "",
            "empty.py: it has no entry; allowed: ELEMENT, ALGORITHM, BACKBONE, METRIC, SOURCE, FORM, DRAW, "
            "KEEPING, SHARED, figure",
        ),
        ("own/broken.py", "def f(:\n", "broken.py: it cannot be loaded (SyntaxError: invalid syntax"),
        (
            "own/wrong.py",
            "import nothing_of_this_name\n",
            "wrong.py: it cannot be loaded (ModuleNotFoundError: No module named 'nothing_of_this_name'",
        ),
        (
            "own/random.py",
            "ELEMENT = 1\n",
            "random.py: another module or entry is called 'random'; give the file another name",
        ),
        (
            "own/adapter.py",
            "ELEMENT = 1\n",
            "adapter.py: another module or entry is called 'adapter'; give the file another name",
        ),
        # Of a table that a check does not load.
        ("own/accuracy.py", "METRIC = 1\n", "accuracy.py: another module or entry is called 'accuracy'; give the file"),
        ("own/other.txt", "ELEMENT = 1\n", "other.txt: it is not named as an entry is; allowed: small letters, digits"),
        ("own/Other.py", "ELEMENT = 1\n", "Other.py: it is not named as an entry is; allowed: small letters, digits"),
        (
            "own/number.py",
            "ELEMENT = 3\n",
            "number.py: ELEMENT is not an object of the class Element; docs/extending.md",
        ),
        ("own/count.py", "METRIC = 3\n", "count.py: METRIC is not an object of the class Metric; docs/extending.md"),
        ("own/kind.py", f"{BARE}ELEMENT = Bare\n", "kind.py: ELEMENT is not an object of the class Element"),
        ("own/bare.py", f"{BARE}ELEMENT = Bare()\n", "bare.py: ELEMENT lacks noun, rates, colour; docs/extending.md"),
        (
            "own/mine.py",
            f"{BARE}    noun = rates = colour = ''\n\nELEMENT = Bare()\n",
            "mine.py: ELEMENT has the name 'bare', and its file is mine.py: give both the same",
        ),
        ("own/steps.py", "ALGORITHM = 3\n", "steps.py: ALGORITHM is not a class derived from Algorithm"),
        ("own/plot.py", "figure = 'a.svg'\n", "plot.py: 'figure' is not a function; docs/extending.md"),
        ("own/leaving.py", "raise SystemExit(3)\n", "leaving.py: it cannot be loaded (SystemExit: 3)"),
    ],
)
def test_mistakes_are_one_message(name: str, text: str | None, said: str, tmp_path: Path) -> None:
    beside(tmp_path)
    write_rows(tmp_path)
    if text is not None:
        (tmp_path / name).write_text(text)
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(study(extensions=[name])))
    done = check(tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert said in done.stderr
    assert "extensions[0]" in done.stderr
