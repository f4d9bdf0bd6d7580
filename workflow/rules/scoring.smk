SCORED = f"{RESULTS}/scores/{{plm}}/{{strategy}}/chunks/{{chunk}}"


rule score:
    input:
        inputs_of(SCORED),
    output:
        directory(SCORED),
    log:
        f"logs/{NAME}/scores/{{plm}}/{{strategy}}/{{chunk}}.log",
    conda:
        "../../envs/report.yaml"
    threads: 1
    resources:
        **needed(SCORED),
    params:
        study=STUDY_FILE,
    message:
        "Score {wildcards.plm} tuned by {wildcards.strategy}, target tasks of chunk {wildcards.chunk}"
    shell:
        "exec python -m priming score --study {params.study:q} --out {output:q} > {log:q} 2>&1"
