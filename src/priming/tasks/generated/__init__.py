"""The built-in tasks: rows from grammars and lexicons, fixed by a seed."""

from priming.tasks.generated.development_tasks import DEVELOPMENT_TASKS
from priming.tasks.generated.grammar import GeneratedTask
from priming.tasks.generated.pretraining import pretraining_texts
from priming.tasks.generated.source_tasks import SOURCE_TASKS
from priming.tasks.generated.target_tasks import TARGET_TASKS

GENERATED: dict[str, GeneratedTask] = {task.name: task for task in (*SOURCE_TASKS, *DEVELOPMENT_TASKS, *TARGET_TASKS)}

__all__ = ["GENERATED", "GeneratedTask", "pretraining_texts"]
