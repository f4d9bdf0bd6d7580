TASKS = f"{RESULTS}/tasks/chunks/{{chunk}}"


rule prepare:
    input:
        inputs_of(TASKS),
    output:
        directory(TASKS),
    log:
        f"logs/{NAME}/tasks/{{chunk}}.log",
    conda:
        "../../envs/tasks.yaml"
    threads: 1
    resources:
        **needed(TASKS),
    params:
        study=STUDY_FILE,
    message:
        "Prepare tasks, chunk {wildcards.chunk}"
    shell:
        "exec python -m priming prepare --study {params.study:q} --out {output:q} > {log:q} 2>&1"
