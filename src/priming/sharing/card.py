"""The model card of an exported folder: `README.md` with front matter that the hub reads."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from priming import __version__
from priming.sharing.finished import PRIMED, TUNED, Finished
from priming.sharing.scores import Score, scores
from priming.sharing.trying import Chosen

CARD = "README.md"
UNKNOWN = "unknown"
FENCE = "```"
_KEPT = ("learning_rates", "batch_size", "length", "best_step")
_PIPELINES = {
    frozenset({"encode", "decode"}): "text2text-generation",
    frozenset({"decode"}): "text-generation",
    frozenset({"encode"}): "feature-extraction",
}
_LIBRARIES = {"peft": "PEFT", "adapters": "adapters", "safetensors": "the lines below"}


def write_card(folder: Path, finished: Finished, chosen: Chosen, code: str, licence: str | None) -> None:
    """Write the card of a result that lies in `folder` by now, and that `code` opens."""
    found = scores(finished)
    front = front_matter(finished, chosen, found, licence, folder.name).to_yaml(line_break="\n")
    body = "\n".join(_body(finished, chosen, code, found))
    (folder / CARD).write_text(f"---\n{front}\n---\n\n{body}\n", encoding="utf-8")


def front_matter(
    finished: Finished, chosen: Chosen, found: Sequence[Score], licence: str | None, name: str
) -> ModelCardData:
    """What the hub reads."""
    used = [form.library for _, form in chosen.formats]
    library = next((own for own in ("peft", "adapters") if own in used), "transformers")
    kind = finished.model.backbone
    return ModelCardData(
        license=licence or UNKNOWN,
        library_name=library,
        pipeline_tag=_PIPELINES[frozenset(kind.passes)],
        base_model=finished.plm_result["settings"].get("hub"),
        tags=["priming", *(name for name, _ in chosen.formats)],
        model_name=title(finished) if found else None,
        eval_results=[_evaluated(one, _PIPELINES[frozenset(kind.passes)]) for one in found] or None,
    )


def _evaluated(score: Score, task: str) -> EvalResult:
    about = {"strategy": score.gain_of, "low": score.low, "high": score.high, "interval": score.interval}
    given = {key: value for key, value in about.items() if value is not None}
    return EvalResult(
        task_type=task,
        dataset_type=score.task.replace(" ", "_"),
        dataset_name=score.task,
        dataset_split="test",
        metric_type=score.metric,
        metric_name=score.name,
        metric_value=round(score.value, 6),
        metric_args={"decoder": score.decoder, **given},
    )


def title(finished: Finished) -> str:
    """What the result is, in short."""
    if finished.kind == TUNED:
        return f"{finished.result['strategy']}, {finished.result['task']}"
    return f"{finished.result['priming']}" if finished.kind == PRIMED else f"PLM {finished.result['plm']}"


def _body(finished: Finished, chosen: Chosen, code: str, found: Sequence[Score]) -> Iterator[str]:
    yield from (f"# {title(finished)}", "", *_what(finished), "", "## Opening it", "")
    yield from (f"{FENCE}python", code.rstrip("\n"), FENCE, "")
    yield from _formats(finished, chosen)
    yield from ("", *_inputs(finished), "")
    if found:
        yield from ("## Scores", "", "| task | metric | value | interval |", "|---|---|---|---|")
        yield from (
            f"| {one.task} | {one.name}{f' of `{one.gain_of}`' if one.gain_of else ''} | {one.written} "
            f"| {one.interval or ''} |"
            for one in found
        )
        yield ""
    yield from ("## Training data", "", *_data(finished), "", "## Settings", "")
    yield from (f"{FENCE}json", json.dumps(_settings(finished), indent=1, ensure_ascii=False), FENCE)


def _what(finished: Finished) -> Iterator[str]:
    result, plm = finished.result, finished.plm_result
    base = plm["settings"].get("hub")
    origin = f"`{base}` at {plm.get('commit') or plm['settings'].get('revision')}" if base else f"PLM `{plm['plm']}`"
    if finished.kind == TUNED:
        yield f"Tuned on the task `{result['task']}` (sample {result['sample']}, seed {result['seed']}) by the strategy"
        yield f"`{result['strategy']}` of the study `{result['study']}`, from {origin}."
    elif finished.kind == PRIMED:
        yield f"Primed by `{result['priming']}` (seed {result['seed']}) in the study `{result['study']}`,"
        yield f"from {origin}."
    else:
        yield f"{origin}, as a study used it."
    yield f"Written by priming {__version__}."


def _formats(finished: Finished, chosen: Chosen) -> Iterator[str]:
    """What loads each element, and how equal it was."""
    written = [f"`{name}/` is loaded by {_LIBRARIES[form.library]}" for name, form in chosen.formats]
    yield f"{'; '.join(['The folder itself has the PLM', *written])}. When it was written,"
    yield "this code, in a process without the package that trained it, gave the logits of the trained model;"
    yield f"the largest difference, as a part of the largest logit, was {chosen.difference:.1e}."


def _inputs(finished: Finished) -> Iterator[str]:
    """How texts became inputs."""
    limits = finished.settings.get("limits") or finished.plm_result["settings"]
    yield f"In training, inputs were cut to {limits['max_input']} tokens, outputs to {limits['max_output']}."
    if (ends := limits.get("end_tokens", "both")) != "both":
        yield f"Texts that ended with the end token: {ends}."
    if "encode" not in finished.model.backbone.passes:
        yield "An output follows its input after a space, and ends with the end token; inputs have none."
    if finished.settings.get("task_prefix"):
        yield f"Inputs began with ` [{finished.result.get('task', 'TASK')}] `."
    if finished.task and finished.task.labels:
        yield f"Labels: {', '.join(f'`{label}`' for label in finished.task.labels)}."


def _data(finished: Finished) -> Iterator[str]:
    data = (finished.result.get("digests") or {}).get("data") or {}
    if finished.kind == TUNED and finished.task:
        yield f"- `{finished.task.name}` ({finished.task.origin}): {_said(data)}"
    primed = finished.settings.get("source") or (finished.strategy.priming and _sources(finished))
    if primed:
        yield f"- primed on {', '.join(f'`{task}`' for task in primed)}"
    if finished.strategy.priming is None and finished.kind != TUNED:
        yield "- that of the PLM"


def _sources(finished: Finished) -> Sequence[str]:
    """The source tasks of the priming that a sample was tuned from."""
    from priming.result_files import RESULT, read_result

    assert finished.checkpoint
    folder = finished.checkpoint if (finished.checkpoint / RESULT).is_file() else finished.checkpoint.parent
    tasks: Sequence[str] = read_result(folder)["tasks"]
    return tasks


def _said(data: Mapping[str, str]) -> str:
    return ", ".join(f"{part} {digest[:16]}" for part, digest in data.items()) or "no digests"


def _settings(finished: Finished) -> dict[str, Any]:
    """Those of the study, and what of its grid was kept."""
    if (best := finished.result.get("winner")) is None:
        return finished.settings
    run = finished.result["runs"][best]
    return {**finished.settings, "kept": {key: run[key] for key in _KEPT if key in run}}
