"""Many small trainings at once: runs that differ in their data, rates, seeds and few parameters, over one frozen model.

The model is any module; those of transformers answer with a loss, whether `adapters`, PEFT or nobody has added
something to it. What is tuned is what asks for gradients:

    model = AutoModelForSequenceClassification.from_pretrained(folder, attn_implementation="eager")
    model = get_peft_model(model, LoraConfig(task_type="SEQ_CLS"))
    runs = [Run(train, dev, rate, seed) for rate in (1e-3, 3e-3) for seed in range(5)]
    found = tune(model, runs, Settings(steps=100, batch_size=8, evaluate_every=20, score=accuracy))
    best = max(found, key=lambda run: run.score)
    model.load_state_dict(best.state, strict=False)

Nothing of studies, workflows or folders is needed. Studies are tuned by the same loop (`priming.runs`).
"""

from priming.banks.runs import Evaluation, Example, Run, Tuned
from priming.banks.scores import accuracy
from priming.banks.settings import Settings
from priming.banks.tuning import tune

__all__ = ["Evaluation", "Example", "Run", "Settings", "Tuned", "accuracy", "tune"]
