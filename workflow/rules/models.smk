PLM = f"{RESULTS}/plm/{{plm}}"


rule pretrain:
    input:
        inputs_of(PLM),
    output:
        directory(PLM),
    log:
        f"logs/{NAME}/plm/{{plm}}.log",
    priority: 30
    conda:
        "../../envs/train.yaml"
    threads: 1
    resources:
        **needed(PLM),
    params:
        study=STUDY_FILE,
    message:
        "Pretrain or fetch the language model {wildcards.plm}"
    shell:
        "exec python -m priming pretrain --study {params.study:q} --out {output:q} > {log:q} 2>&1"
