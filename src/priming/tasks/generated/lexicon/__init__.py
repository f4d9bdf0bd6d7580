"""The words of the generated tasks, in classes that share a meaning."""

from priming.tasks.generated.lexicon.events import EVENTS
from priming.tasks.generated.lexicon.nouns import NOUNS
from priming.tasks.generated.lexicon.qualities import QUALITIES
from priming.tasks.generated.lexicon.relations import RELATIONS

Value = str | tuple[str, ...]
CLASSES: dict[str, tuple[Value, ...]] = {**NOUNS, **QUALITIES, **EVENTS, **RELATIONS}

__all__ = ["CLASSES", "Value"]
