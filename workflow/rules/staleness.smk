# Snakemake compares times; here they say only what the recipes say.


def asked(pattern):
    """Input function of the rule that makes `pattern`: the folders it is made from, and `recipe`, which stands for what it is asked to make.

    Where the job has to make something (again), `recipe` is new, and that an input is made again is passed on. To a
    job that has not, every input is old whatever its time, and what its result does not have beside it, as after a
    partial `dvc pull`, is left out. `recipe` is a folder since of files Snakemake compares checksums, and named by
    what is asked for, so that a dry run under other settings does not slip into a job that is running.
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
        if stale or not RECIPES.here(out):
            return {"recipe": str(recipe), "made_from": GRAPH.inputs(job)}
        return {"recipe": ancient(str(recipe)), "made_from": [ancient(path) for path in GRAPH.inputs(job) if RECIPES.here(path)]}

    return unpack(inputs)
