"""GPUs claimed by real processes, on a machine that needs none: locks know them by their names alone."""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from priming.errors import DiskError
from priming.running import gpu_locks
from priming.running.machine import ALLOCATED

PROGRAM = """
import os, sys
from priming.running.gpu_locks import claimed
with claimed(int(sys.argv[1])) as held:
    print(os.environ.get("CUDA_VISIBLE_DEVICES", "unset"), ",".join(held), flush=True)
    sys.stdin.readline()
"""


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    for variable in ALLOCATED:
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def jobs() -> Iterator["Jobs"]:
    with ExitStack() as stack:
        yield Jobs(stack)


class Jobs:
    """Processes that claim GPUs and hold them until they are let go."""

    def __init__(self, stack: ExitStack) -> None:
        self.stack = stack

    def start(self, number: int, devices: str, **more: str) -> subprocess.Popen[str]:
        source = str(Path(__file__).parents[2] / "src")
        environment = {**os.environ, "PYTHONPATH": source, "CUDA_VISIBLE_DEVICES": devices, **more}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(number)], env=environment, text=True, **pipes)
        self.stack.callback(self.end, process)
        return process

    @staticmethod
    def end(process: subprocess.Popen[str]) -> None:
        if process.poll() is None:
            process.kill()
        process.communicate()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def let_go(process: subprocess.Popen[str]) -> None:
    assert process.stdin
    process.stdin.write("\n")
    process.stdin.flush()
    assert process.wait(timeout=20) == 0


def test_jobs_see_different_gpus_and_the_third_waits(jobs: Jobs) -> None:
    first, second = jobs.start(1, "0,1"), jobs.start(1, "0,1")
    assert {line(first), line(second)} == {"0 0", "1 1"}
    third = jobs.start(1, "0,1")
    assert third.stderr
    assert third.stderr.readline() == "waiting for 1 of the GPUs 0, 1, which other jobs hold\n"
    assert third.poll() is None
    let_go(second)
    assert line(third) in {"0 0", "1 1"}
    assert first.poll() is None


def test_a_gpu_is_free_again_after_a_kill(jobs: Jobs) -> None:
    first = jobs.start(1, "GPU-abc")
    assert line(first) == "GPU-abc GPU-abc"
    first.send_signal(signal.SIGKILL)
    first.wait(timeout=20)
    assert line(jobs.start(1, "GPU-abc")) == "GPU-abc GPU-abc"


def test_several_gpus_are_had_together_or_not_at_all(jobs: Jobs) -> None:
    first = jobs.start(1, "0,1,2")
    assert line(first) == "0 0"
    pair = jobs.start(2, "0,1,2")
    assert line(pair) == "1,2 1,2"
    second = jobs.start(2, "0,1")
    assert second.stderr
    assert second.stderr.readline().startswith("waiting for 2 of the GPUs 0, 1")
    let_go(first)
    assert line(jobs.start(1, "0")) == "0 0"
    let_go(pair)


def test_more_gpus_than_there_are_is_all_there_are(jobs: Jobs) -> None:
    assert line(jobs.start(3, "0,1")) == "0,1 0,1"


@pytest.mark.parametrize("variable", ALLOCATED)
def test_an_allocation_is_left_as_it_is(jobs: Jobs, variable: str) -> None:
    assert line(jobs.start(1, "0", **{variable: "7"})) == "0"
    assert line(jobs.start(1, "0", **{variable: "8"})) == "0"


@pytest.mark.parametrize("devices", ["", "-1"])
def test_without_a_gpu_nothing_is_claimed(devices: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", devices)
    with gpu_locks.claimed(1) as held:
        assert held == []
        assert os.environ["CUDA_VISIBLE_DEVICES"] == devices


def test_the_gpus_of_the_machine_are_those_its_tool_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text(
        "#!/bin/sh\n[ $1 = -L ] && printf 'GPU 0: NVIDIA H200 (UUID: GPU-1a)\\nGPU 1: NVIDIA H200 (UUID: "
        "GPU-2b)\\n  MIG 1g.18gb Device 0: (UUID: MIG-3c)\\n'\n"
    )
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert gpu_locks.visible() == ["GPU-1a", "GPU-2b"]
    with gpu_locks.claimed(1):
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "GPU-1a"
    assert "CUDA_VISIBLE_DEVICES" not in os.environ
    tool.unlink()
    assert gpu_locks.visible() == []


def test_locks_in_a_folder_of_somebody_else_are_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / f"priming-gpus-{os.getuid()}").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DiskError, match="belongs to another user"):
        gpu_locks.folder()
