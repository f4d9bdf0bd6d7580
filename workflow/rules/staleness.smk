# Snakemake compares times; here they say only what the recipes say.
import time


def asked(pattern):
    """Input function of the rule that makes `pattern`: the folders it is made from, and `recipe`, which stands for what it is asked to make.

    Folders count as old whatever their time. `recipe` is new where the job has to make something again. What a
    current result does not have beside it, as after a partial `dvc pull`, is left out. It is a folder since of files
    Snakemake compares checksums, and named by what is asked for, so that a dry run under other settings does not
    slip into a job that is running.
    """

    def inputs(wildcards):
        out = pattern.format(**dict(wildcards.items()))
        if out not in GRAPH.jobs:
            raise WorkflowError(f"{STUDY_FILE}: nothing makes {out}")
        job = GRAPH.jobs[out]
        recipe = Path(".snakemake", "recipes", out, RECIPES.asked(job)[:16])
        recipe.mkdir(parents=True, exist_ok=True)
        stale = RECIPES.stale(job)
        if stale:
            os.utime(recipe)
        made_from = [ancient(path) for path in GRAPH.inputs(job) if stale or not RECIPES.here(out) or RECIPES.here(path)]
        return {"recipe": str(recipe) if stale else ancient(str(recipe)), "made_from": made_from}

    return unpack(inputs)
