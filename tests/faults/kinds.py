"""Every kind of fault that tests inject, by the folder of those tests: in full, each is injected at least once."""

STEPS = ("prepare", "pretrain", "prime", "tune", "score", "tables", "figure")
CALLS = ("opening to write", "write", "flush", "rename", "other change")
AT_CALLS = ("death", "EIO", "full disk", "quota")
FILES = (
    "weights of a PLM",
    "configuration of a PLM",
    "tokenizer",
    "result of a PLM",
    "rows of a source task",
    "rows of a target task",
    "description of a task",
    "primed weights",
    "primed adapter",
    "result of a priming",
    "predictions",
    "result of a tuning",
    "scores",
    "table",
    "recipe",
    "tuned weights",
    "weights of a state",
    "pointer of a state",
)

KINDS = {
    "tests/faults": (
        *(f"kill -9, {step}" for step in STEPS),
        *(f"kill -9 at a step, {step}" for step in ("pretrain", "prime", "tune")),
        *(f"{failure} at {call}" for failure in AT_CALLS for call in CALLS),
        "quota (RLIMIT_FSIZE)",
        "read-only folder",
        "full disk, before a job",
        "full disk, during a job",
        *(f"bit flip, {name}" for name in FILES),
        "one job run twice",
        "orphan of a killed Snakemake",
        "lock of a killed Snakemake",
        "second live Snakemake",
    ),
    "tests/cluster": (
        "SLURM: requeue, the old job alive",
        "SLURM: node failure",
        "SLURM: rejected submission",
        "SLURM: slurmctld away",
    ),
}
