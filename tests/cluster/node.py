"""A real SLURM of one node on this machine: slurmctld, slurmd, munge, two stand-in GPUs, partitions `cpu` and `gpu`."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SYSTEM = Path("/etc/slurm")
NAME = "primingtests"
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol", "sinfo", "srun")

SETTINGS = """\
ClusterName={name}
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=cred_expire=10
CredType=cred/munge
MpiDefault=none
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=2
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc={folder}/finished.txt
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=sched_interval=2,bf_interval=2,sched_min_interval=100000
ReturnToService=2
SlurmdParameters=config_overrides
GresTypes=gpu
MinJobAge=3600
KillWait=20
InactiveLimit=0
OverTimeLimit=0
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
NodeName=node01 NodeHostname={host} NodeAddr=127.0.0.1 CPUs=8 Sockets=1 CoresPerSocket=8 ThreadsPerCore=1 \
RealMemory=16000 Gres=gpu:h200:2
PartitionName=cpu Nodes=node01 Default=YES MaxTime=1-00:00:00 DefaultTime=10 State=UP
PartitionName=gpu Nodes=node01 MaxTime=1-00:00:00 DefaultTime=10 State=UP
"""

# Schedulable devices need a device file each; nothing ever writes to these.
GPUS = "NodeName=node01 Name=gpu Type=h200 File=/dev/null\nNodeName=node01 Name=gpu Type=h200 File=/dev/zero\n"


def lacking() -> str | None:
    """Why this machine cannot run the node, None if it can."""
    if os.geteuid() != 0:
        return "the tests' SLURM needs root"
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    if missing := [program for program in PROGRAMS if not shutil.which(program, path=path)]:
        return f"there is no {missing[0]}; apt-get install --no-install-recommends slurmctld slurmd slurm-client munge"
    if any((SYSTEM / name).exists() and not (SYSTEM / name).is_symlink() for name in ("slurm.conf", "gres.conf")):
        return f"{SYSTEM} holds the settings of a cluster, which the tests leave alone"
    if (SYSTEM / "slurm.conf").exists() and ask("scontrol", "ping").endswith("UP"):
        return f"the SLURM of another session runs here, with {(SYSTEM / 'slurm.conf').readlink()}"
    return None


def unlink_dead() -> None:
    """Take away what tests that were killed have left in /etc/slurm: with it, SLURM's programs wait for a dead node."""
    settings = SYSTEM / "slurm.conf"
    if (
        settings.is_symlink()
        and os.access(SYSTEM, os.W_OK)
        and "pytest-of-" in str(folder := settings.readlink().parent)
    ):
        starting = time.time() - settings.lstat().st_mtime < 60
        if not starting and not running(folder, "slurmctld") and not running(folder, "slurmd"):
            unlink(folder)


def running(folder: Path, name: str) -> int | None:
    """The process of a daemon of the node in `folder`."""
    file = folder / f"{name}.pid"
    pid = int(file.read_text()) if file.exists() else 0
    command = Path(f"/proc/{pid}/comm")
    return pid if command.exists() and command.read_text().strip() == name else None


def unlink(folder: Path) -> None:
    """Take away the links in /etc/slurm to the settings of the node in `folder`."""
    for name in ("slurm.conf", "gres.conf"):
        if (SYSTEM / name).is_symlink() and (SYSTEM / name).readlink().parent == folder:
            (SYSTEM / name).unlink()


def wait(condition: Callable[[], object], seconds: float, what: str) -> None:
    """Until `condition` holds; an AssertionError that names `what` after so many seconds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.2)


def ask(*command: str) -> str:
    """What a command of SLURM prints; empty where it fails."""
    return subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False, timeout=60
    ).stdout.strip()


@dataclass
class Node:
    """The node; it writes only to `folder`, except for two links in /etc/slurm, where programs look for settings."""

    folder: Path

    def start(self) -> None:
        """Start the daemons and wait until the node is ready."""
        for name in ("state", "spool"):
            (self.folder / name).mkdir()
        (self.folder / "slurm.conf").write_text(
            SETTINGS.format(name=NAME, host=socket.gethostname().split(".")[0], ports=_ports(2), folder=self.folder)
        )
        (self.folder / "gres.conf").write_text(GPUS)
        SYSTEM.mkdir(exist_ok=True)
        for name in ("slurm.conf", "gres.conf"):
            (SYSTEM / name).unlink(missing_ok=True)
            (SYSTEM / name).symlink_to(self.folder / name)
        self._authenticate()
        self.start_controller()
        self._run("slurmd")
        wait(
            lambda: ask("sinfo", "--noheader", "--format=%t", "--partition=gpu") == "idle",
            30,
            f"slurmd (see {self.folder}/slurmd.log)",
        )

    def start_controller(self) -> None:
        """Start slurmctld; it knows the jobs of before."""
        self._run("slurmctld")
        wait(lambda: ask("scontrol", "ping").endswith("UP"), 30, f"slurmctld (see {self.folder}/slurmctld.log)")

    def stop_controller(self) -> None:
        """Stop slurmctld; jobs run on."""
        self._stop("slurmctld")

    def fail(self) -> None:
        """Kill slurmd, and say that the node is down, as SLURM does by itself after minutes; jobs are requeued."""
        if pid := running(self.folder, "slurmd"):
            os.kill(pid, signal.SIGKILL)
        (self.folder / "slurmd.pid").unlink(missing_ok=True)
        ask("scontrol", "update", "nodename=node01", "state=down", "reason=test")

    def come_back(self) -> None:
        """Start slurmd again, and use the node."""
        self._run("slurmd")
        ask("scontrol", "update", "nodename=node01", "state=resume")

    def stop(self) -> None:
        """Cancel all jobs and stop what was started."""
        try:
            ask("scancel", "--user=root")
            wait(lambda: not ask("squeue", "--noheader"), 60, "cancelled jobs gone")
        finally:
            for name in ("slurmd", "slurmctld", "munged"):
                self._stop(name)
            unlink(self.folder)

    def finished(self) -> list[dict[str, str]]:
        """The jobs that have ended, in the order of their ends, as the scheduler wrote them down."""
        file = self.folder / "finished.txt"
        lines = file.read_text().splitlines() if file.exists() else []
        return [dict(word.split("=", maxsplit=1) for word in line.split() if "=" in word) for line in lines]

    def _authenticate(self) -> None:
        """Start munge with a key of its own, unless the machine runs it."""
        if ask("munge", "--no-input"):
            return
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        Path("/run/munge").mkdir(mode=0o755, exist_ok=True)
        files = {name: self.folder / f"munged.{name}" for name in ("pid", "log", "seed")}
        self.folder.chmod(0o755)
        self._run(
            "munged",
            "--force",
            f"--key-file={key}",
            f"--pid-file={files['pid']}",
            f"--log-file={files['log']}",
            f"--seed-file={files['seed']}",
        )

    def _run(self, name: str, *arguments: str) -> None:
        path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
        program = shutil.which(name, path=path)
        assert program
        subprocess.run(
            [program, *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60
        )

    def _stop(self, name: str) -> None:
        if pid := running(self.folder, name):
            os.kill(pid, signal.SIGTERM)
            wait(lambda: not Path(f"/proc/{pid}").exists(), 30, f"{name} stopped")
        (self.folder / f"{name}.pid").unlink(missing_ok=True)


def _ports(number: int) -> list[int]:
    """Ports that are free now."""
    sockets = [socket.socket() for _ in range(number)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
