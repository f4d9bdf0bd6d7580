"""A repository of a study cut to seconds, made once a session as its users make it, and fresh clones of it."""

import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from priming.jobs.graph import graph
from priming.jobs.recipes import Recipes
from priming.running import forks
from priming.study import Study
from tests import forked
from tests.conftest import skip_without

TINY = Path(__file__).with_name("tiny.yaml")
CODE = ("workflow", "profiles", "envs", "src", ".dvc", "Snakefile", "dvc.yaml", ".dvcignore", ".gitignore")
NOTHING = "Nothing to be done"
COMPUTING = {"prepare", "pretrain", "prime", "tune", "score", "tabulate", "draw"}
WORDS = ("red", "blue", "old", "new", "big", "wet", "dry", "odd")
# As many of both labels to train on, but not to test on: then a constant answer scores by what it is, and an un-primed
# model answers y.
ROWS = {
    part: [f"a {word} {part} thing,{'x' if n % every else 'y'}\n" for n, word in enumerate(WORDS)]
    for part, every in (("train", 2), ("test", 3))
}

# Read-only files of DVC's cache are read-only to root only without these.
NO_OVERRIDE = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--inh-caps", "-all"]
UNPRIVILEGED = NO_OVERRIDE if os.geteuid() == 0 and shutil.which("setpriv") else []


class Repository:
    """A clone in a folder, in which programs are run; each job that is really executed is counted."""

    unprivileged = False
    """Whether Snakemake, as all other programs, is run without root's rights to change what is read-only."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.runlog = folder.parent / f"{folder.name}.runlog"
        bin_folder = str(Path(sys.executable).parent)
        self.environment = {
            **{key: value for key, value in forked.environment().items() if not key.startswith(("DVC_", "GIT_"))},
            "PATH": os.pathsep.join([bin_folder, os.environ["PATH"]]),
            "PYTHONPATH": str(folder / "src"),
            "PRIMING_RUNLOG": str(self.runlog),
            forks.OWNER: forks.owner(),  # a server for the jobs of all tests in a folder: it imports torch once
            "DVC_GLOBAL_CONFIG_DIR": str(folder.parent / "dvc-global"),
            "DVC_SITE_CACHE_DIR": str(folder.parent / "dvc-site"),
            **{
                f"GIT_{who}_{what}": "tester@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
            },
            "GIT_CONFIG_GLOBAL": os.devnull,
        }

    def command(self, *words: str) -> list[str]:
        programs = {
            "dvc": [sys.executable, "-m", "dvc"],
            "snakemake": [sys.executable, "-m", "snakemake"],
            "priming": [sys.executable, "-m", "priming"],
        }
        return [*UNPRIVILEGED, *programs.get(words[0], words[:1]), *words[1:]]

    def run(self, *words: str, status: int | None = 0) -> str:
        """Run a program; what it printed."""
        done = subprocess.run(
            self.command(*words),
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert status is None or done.returncode == status, f"{' '.join(words)}: {done.returncode}\n{done.stdout}"
        return done.stdout

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a program in a process group of its own."""
        return subprocess.Popen(
            self.command(*words),
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )

    def dvc(self, *words: str, status: int | None = 0) -> str:
        return self.run("dvc", *words, status=status)

    def git(self, *words: str) -> str:
        return self.run("git", *words)

    def snakemake(self, *words: str, status: int = 0) -> str:
        """Run Snakemake; what it printed."""
        if self.unprivileged:
            return self.run("snakemake", "--cores", "2", *words, status=status)
        found, printed = forked.snakemake(self.folder, self.environment, ["--cores", "2", *words])
        assert found == status, printed
        return printed

    def wanted(self, *words: str) -> Counter[str]:
        """How many jobs of each rule that computes a dry run wants."""
        lines = [line.split() for line in self.snakemake("-n", *words).splitlines()]
        counts = {line[0]: int(line[1]) for line in lines if len(line) == 2 and line[0] in COMPUTING}
        return Counter(counts)

    def made(self) -> list[str]:
        """The results that were really made since this was asked last, below results/tiny."""
        lines = self.runlog.read_text().splitlines() if self.runlog.exists() else []
        self.runlog.unlink(missing_ok=True)
        return sorted(line.split()[1].removeprefix("results/tiny/") for line in lines)

    def edit(self, file: str, before: str, after: str) -> None:
        """Replace the one place of `before` in a file."""
        path = self.folder / file
        text = path.read_text()
        assert text.count(before) == 1, (file, before, text.count(before))
        path.unlink()
        path.write_text(text.replace(before, after))

    def commit(self, message: str) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)

    def recipes(self) -> Recipes:
        """The recipes that this clone asks for, and those of what is here."""
        study = Study.model_validate(yaml.safe_load((self.folder / "config.yaml").read_text()))
        return Recipes(graph(study), self.folder, self.folder)

    def is_settled(self) -> None:
        """Fail unless Snakemake has nothing to do and DVC nothing to record."""
        assert NOTHING in self.snakemake()
        assert "up to date" in self.dvc("status")
        assert self.made() == []


@pytest.fixture(scope="session", autouse=True)
def _programs() -> None:
    for program in ("git", "dvc"):
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        if not shutil.which(program, path=path):
            skip_without(program, f"there is no program {program!r}")


@pytest.fixture(scope="session")
def origin(tmp_path_factory: pytest.TempPathFactory, project: Path) -> Repository:
    """A repository whose study was made, recorded and pushed; raw data are DVC's too."""
    folder = tmp_path_factory.mktemp("dvc") / "origin"
    folder.mkdir()
    for name in CODE:
        source = project / name
        if source.is_dir():
            shutil.copytree(
                source, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info", "cache", "tmp")
            )
        else:
            shutil.copy(source, folder)
    shutil.copy(TINY, folder / "config.yaml")
    (folder / "data").mkdir()
    for part in ("train", "test"):
        (folder / "data" / f"{part}.csv").write_text("".join(["text,label\n", *ROWS[part]]))
    (folder / "data" / "only_x.csv").write_text("".join(["text,label\n", *(f"a {word} place,x\n" for word in WORDS)]))
    made = Repository(folder)
    made.git("init", "--quiet")
    made.dvc("add", "data")
    assert "type next:" in made.run("priming", "share", "--remote", "../remote")
    made.commit("Begin")
    made.snakemake()
    assert len(made.made()) == 21
    made.dvc("repro")
    assert made.made() == []
    made.commit("Run the study")
    made.dvc("push")
    return made


@pytest.fixture
def clones(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Iterator[Path]:
    """The folder of a test's clones: the same for all tests while they run, so that servers of forks are too."""
    folder = tmp_path_factory.getbasetemp() / "clones"
    folder.mkdir()
    yield folder
    folder.rename(tmp_path / "clones")


@pytest.fixture
def clone(origin: Repository, clones: Path) -> Callable[..., Repository]:
    """`clone(pulled...)` is a fresh clone; with `all` everything is pulled."""
    numbers = iter(range(100))

    def cloned(*pulled: str, cache: str = "", source: Repository = origin) -> Repository:
        folder = clones / f"clone-{next(numbers)}"
        origin.git("clone", "--quiet", str(source.folder), str(folder))
        fresh = Repository(folder)
        if cache:
            fresh.dvc("config", "--local", "cache.type", cache)
        if pulled:
            fresh.dvc("pull", *(() if pulled == ("all",) else pulled))
        return fresh

    return cloned


@pytest.fixture
def fresh(clone: Callable[..., Repository]) -> Repository:
    """A fresh clone with everything pulled."""
    return clone("all")


@pytest.fixture(scope="module")
def again(origin: Repository, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repository]:
    """A fresh clone with everything pulled, which tests leave as it was."""
    folder = tmp_path_factory.mktemp("again") / "clone"
    origin.git("clone", "--quiet", str(origin.folder), str(folder))
    pulled = Repository(folder)
    pulled.dvc("pull")
    yield pulled
    assert NOTHING in pulled.snakemake()
