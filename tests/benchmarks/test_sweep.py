"""The benchmark runs, and its ways give the same results; how fast they are is not tested."""

import re
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import torch
from transformers import BartConfig, BartForConditionalGeneration

from priming.backbones.tokenizer import train_tokenizer
from tests import forked

pytestmark = pytest.mark.slow

RATIO = re.compile(r"^(?:Trainer|BatchSplit|R = 1) / bank of 4 +[\d.]+ +[\d.]+ +[\d.]+$", re.MULTILINE)
DIFFERENCE = re.compile(
    r"^(?:BatchSplit|R = 1|bank of 4) against Trainer: losses differ by (\S+), weights by (\S+), "
    r"scores by (\S+) examples$",
    re.MULTILINE,
)


def sweep(project: Path, *options: str) -> CompletedProcess[str]:
    return forked.script(project / "benchmarks/sweep.py", *options)


@pytest.mark.parametrize("element", ["adapter", "prompt", "prefix", "plm"])
def test_all_ways_give_the_same(project: Path, element: str) -> None:
    ran = sweep(project, "--quick", "--element", element)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    others = 3 if element == "adapter" else 2
    assert len(RATIO.findall(ran.stdout)) == others
    differences = [tuple(map(float, found)) for found in DIFFERENCE.findall(ran.stdout)]
    assert len(differences) == others
    assert all(losses < 1e-4 and weights < 1e-4 and scores <= 1 for losses, weights, scores in differences)


def test_differing_results_are_a_failure(project: Path) -> None:
    """What float arithmetic leaves is taken for a difference."""
    ran = sweep(project, "--quick", "--tolerance", "1e-12")
    assert ran.returncode == 1
    assert "THE RESULTS DIFFER" in ran.stdout
    assert "Traceback" not in ran.stderr


def test_a_saved_plm(project: Path, tmp_path: Path) -> None:
    tokenizer = train_tokenizer(["good bad"] * 2, 300)
    torch.manual_seed(0)
    config = BartConfig(
        vocab_size=len(tokenizer), d_model=32, encoder_layers=1, decoder_layers=1, encoder_ffn_dim=16,
        decoder_ffn_dim=16, init_std=0.2, encoder_attention_heads=2, decoder_attention_heads=2,
        max_position_embeddings=40,
    )  # fmt: skip
    BartForConditionalGeneration(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    ran = sweep(project, "--quick", "--plm", str(tmp_path), "--batch", "2", "--tokens", "6")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.startswith("\nadapter, batch 2, 6 tokens: 4 runs of 10 steps, 1 times\n")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--element", "adaptr"],
            "there is no element 'adaptr'; did you mean 'adapter'?; allowed: plm, adapter, prompt, prefix",
        ),
        (["--runs", "5"], "--runs 5: give a multiple of 2, the number of rates per sample"),
        (["--steps", "7"], "--steps 7: give a multiple of --evaluate-every 10"),
        (["--plm", "nowhere"], "'--plm': dir 'nowhere' does not exist"),
    ],
    ids=["element", "runs", "steps", "plm"],
)
def test_mistakes_are_named(project: Path, options: list[str], message: str) -> None:
    ran = sweep(project, *options)
    assert ran.returncode in {1, 2}
    assert message in ran.stderr
    assert "Traceback" not in ran.stderr
