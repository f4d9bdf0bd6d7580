"""Where the rows of a task come from: generated, the user's own files, or the hub, behind one interface."""

from priming.tasks.sources.load import known_tasks, load_task, raw_files

__all__ = ["known_tasks", "load_task", "raw_files"]
