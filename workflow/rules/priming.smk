PRIMED = f"{RESULTS}/primed/{{plm}}/{{priming}}/{{bank}}"


rule prime:
    input:
        inputs_of(PRIMED),
    output:
        directory(PRIMED),
    log:
        f"logs/{NAME}/primed/{{plm}}/{{priming}}/{{bank}}.log",
    priority: 20
    conda:
        "../../envs/train.yaml"
    threads: scheduling.cores(RECIPES, SITE, PRIMED)
    resources:
        **needed(PRIMED),
    params:
        study=STUDY_FILE,
    message:
        "Prime {wildcards.plm} by {wildcards.priming}, {wildcards.bank}"
    shell:
        "exec python -m priming prime --study {params.study:q} --out {output:q} > {log:q} 2>&1"
