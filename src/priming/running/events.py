"""What a Snakemake that `priming run` started tells of its jobs: a line of JSON for each event, in a file.

The file is named by the environment variable EVENTS, which `priming run` sets. Without it nothing is written, so that
Snakemake alone prints as always.
"""

import json
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

EVENTS = "PRIMING_EVENTS"
FIELDS = {
    "run_info": ("stats",),
    "job_info": ("jobid", "rule_name", "rule_msg", "output", "log"),
    "job_started": ("jobs",),
    "job_finished": ("job_id",),
    "job_error": ("jobid", "rule_name", "output", "log"),
    "progress": ("done", "total"),
    "error": (),
}
"""What of each event of Snakemake is written."""
STALE, MESSAGE, NOTHING = "stale", "message", "nothing"
_NOTHING = "Nothing to be done"


class EventWriter(logging.Handler):
    """Writes Snakemake's events, warnings, and what is said of stale results."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.file = file

    def emit(self, record: logging.LogRecord) -> None:
        """Append a line, if the record tells anything."""
        if event := described(record):
            try:
                with self.file.open("a", encoding="utf-8") as out:
                    out.write(json.dumps(event | {"time": time.time()}, default=str) + "\n")
            except OSError:  # whoever asked for it has gone
                return


def described(record: logging.LogRecord) -> dict[str, Any] | None:
    """A record of Snakemake's logger as JSON; None if it tells nothing of jobs."""
    name, text = str(getattr(record, "event", "") or ""), record.getMessage() if record.msg else ""
    if name in FIELDS:
        found = {key: getattr(record, key, None) for key in FIELDS[name]}
        return {"event": name, "text": text if name == "error" else "", **found}
    if text.startswith("stale: "):
        return {"event": STALE, "text": text.removeprefix("stale: ")}
    if text.startswith(_NOTHING):
        return {"event": NOTHING, "text": text}
    return {"event": MESSAGE, "text": text} if record.levelno >= logging.WARNING and not name else None


def attach(logger: logging.Logger) -> None:
    """Write the events of Snakemake's logger where EVENTS says, if it does."""
    if file := os.environ.pop(EVENTS, None):
        logger.addHandler(EventWriter(Path(file)))


class EventReader:
    """Reads the events of a file as they are written."""

    def __init__(self, file: Path) -> None:
        self.file, self.place, self.rest = file, 0, b""

    def read(self) -> Iterator[dict[str, Any]]:
        """Those written since the last call."""
        try:
            with self.file.open("rb") as lines:
                lines.seek(self.place)
                new = lines.read()
        except FileNotFoundError:
            return
        self.place += len(new)
        *whole, self.rest = (self.rest + new).split(b"\n")
        for line in whole:
            yield json.loads(line)
