"""Let the jobs of a study die or fail at chosen moments, run them again, and print what came of it.

`moments` kills a job at random moments. `calls` lets the n-th call that changes a file end the process, in the middle
of what it writes, or fail as a broken or a full disk does, for every n (`disk.c`). `quotas` limits the size of files.
`closed` takes the right to write to a folder away. The user is not root here, or has no more rights than others.
"""

import ctypes
import errno
import hashlib
import json
import os
import random
import resource
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import priming.checked
from priming.jobs.graph import Job
from tests.faults.attempts import contents, ended, firsts, forget, fork, is_whole, make_all, run
from tests.faults.kinds import AT_CALLS, STEPS

ERRORS = dict(zip(AT_CALLS, (0, errno.EIO, errno.ENOSPC, errno.EDQUOT), strict=True))
DEATH, *FAILURES = AT_CALLS
Found = dict[str, list[bool]]


def moments(job: Job, number: int, random_moment: random.Random) -> list[bool]:
    """Whether each kill was survived."""
    before, begun = contents(job), time.monotonic()
    forget(job)
    ended(fork(lambda: run(job)))
    took, found = time.monotonic() - begun, []
    while len(found) < number:
        forget(job)
        child = fork(lambda: run(job))
        time.sleep(random_moment.uniform(0, took))
        os.kill(child, signal.SIGKILL)
        if ended(child) == -signal.SIGKILL:
            found.append(is_whole(job, before))
    return found


def struck(job: Job, number: int, failure: str) -> str:
    """Run a job whose n-th call that changes files fails, or is its last; what kind of call it was."""
    forget(job)
    reads, writes = os.pipe()

    def does() -> None:
        ctypes.CDLL(None).faults_at(os.fsencode(Path.cwd()), ctypes.c_long(number), ERRORS[failure], writes)
        run(job)

    child = fork(does)
    os.close(writes)
    with os.fdopen(reads) as said:
        kind = said.read().strip()
    status = ended(child)
    assert status != 1, (kind, number, failure)
    return kind


def calls(job: Job, every: int, found: Found) -> None:
    """Add whether faults at each call, or at every so many, were survived, until the job makes no more calls.

    Each call is survived twice: a death, and one of the failures, which take turns.
    """
    before, number = contents(job), 1
    while kind := struck(job, number, DEATH):
        found[f"{DEATH} at {kind}"].append(is_whole(job, before))
        failure = FAILURES[number // every % len(FAILURES)]
        if kind := struck(job, number, failure):
            found[f"{failure} at {kind}"].append(is_whole(job, before))
            if not found[f"{failure} at {kind}"][-1]:
                print(f"lost: {failure} at {kind}, number {number} of {job.step}", file=sys.stderr)
        number += every
    assert is_whole(job, before)


def limited(job: Job, size: int) -> int:
    """The status of a job whose files may have so many bytes."""
    forget(job)
    return ended(fork(lambda: (resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)), run(job))))


def quotas(job: Job, number: int, random_size: random.Random) -> list[bool]:
    """Whether limits on the size of files were survived; training may go on without its state."""
    before = contents(job)
    largest = max(file.stat().st_size for result in job.results for file in Path(result.path).rglob("*.*"))
    found = []
    for _ in range(number):
        status = limited(job, random_size.randrange(largest))
        found.append(status == 5 and is_whole(job, before))
    return found


def closed(job: Job) -> list[bool]:
    """Whether folders to which nothing can be written were survived, one after the other."""
    before, found = contents(job), []
    places = [Path(job.results[0].path).parent, Path("results/tiny"), Path("work/tiny"), Path("work")]
    for place in places:
        forget(job)
        mode = place.stat().st_mode
        place.chmod(0o555)
        status = ended(fork(lambda: run(job)))
        place.chmod(mode)
        found.append(status in (0, 5) and is_whole(job, before))
    return found


def hashing(job: Job, found: dict[str, float]) -> None:
    """Run a job, and add the CPU time that it took, and what hashing files and reading recipes took of it."""

    def timed(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            begun = time.thread_time()
            try:
                return function(*given, **named)
            finally:
                found["hashing"] += time.thread_time() - begun

        return call

    hashlib.file_digest = timed(hashlib.file_digest)
    priming.checked.recorded = timed(priming.checked.recorded)
    begun = time.process_time()
    run(job)
    found["job"] += time.process_time() - begun


def share(job: Job) -> float:
    """The share of a job's CPU time, without imports, that its hashes take."""
    forget(job)
    reads, writes = os.pipe()
    found = {"hashing": 0.0, "job": 0.0}
    child = fork(lambda: (hashing(job, found), os.write(writes, json.dumps(found).encode())))
    os.close(writes)
    with os.fdopen(reads) as said:
        found = json.loads(said.read())
    assert not ended(child)
    return found["hashing"] / found["job"]


def main(number: int, every: int, preloaded: bool) -> None:
    chosen = firsts(make_all())
    found: Found = defaultdict(list)
    for step in STEPS:
        found[f"kill -9, {step}"] = moments(chosen[step], number, random.Random(step))
    for step in ("pretrain", "prime", "tune"):
        found["quota (RLIMIT_FSIZE)"] += quotas(chosen[step], number, random.Random(step))
        found["read-only folder"] += closed(chosen[step])
    for step in ("prepare", "prime", "tune") if preloaded else ():
        calls(chosen[step], every, found)
    print(json.dumps({"found": found, "hashing": [share(chosen["tune"]) for _ in range(3)]}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), "LD_PRELOAD" in os.environ)
