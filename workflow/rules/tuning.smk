TUNED = f"{RESULTS}/tuned/{{plm}}/{{strategy}}/chunks/{{chunk}}"


rule tune:
    input:
        inputs_of(TUNED),
    output:
        directory(TUNED),
    log:
        f"logs/{NAME}/tuned/{{plm}}/{{strategy}}/{{chunk}}.log",
    conda:
        "../../envs/train.yaml"
    threads: 1
    resources:
        **needed(TUNED),
    params:
        study=STUDY_FILE,
    message:
        "Tune {wildcards.plm} by {wildcards.strategy}, target tasks of chunk {wildcards.chunk}"
    shell:
        "exec python -m priming tune --study {params.study:q} --out {output:q} > {log:q} 2>&1"
