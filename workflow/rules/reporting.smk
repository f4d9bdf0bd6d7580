FIGURE = f"{RESULTS}/figures/{{figure}}"
FORMATS = GRAPH.study.figures.style.formats
SHOWN = next(format for format in ("svg", "png", "pdf") if format in FORMATS)


rule tabulate:
    input:
        inputs_of(TABLES),
    output:
        report(
            directory(TABLES),
            patterns=["{table}.html"],
            caption="../report/tables.rst",
            category="Tables",
            labels={"table": "{table}"},
        ),
    log:
        f"logs/{NAME}/tables.log",
    conda:
        "../../envs/report.yaml"
    threads: 1
    resources:
        **needed(TABLES),
    params:
        study=STUDY_FILE,
    message:
        "Write tables and test significance"
    shell:
        "exec python -m priming tables --study {params.study:q} --out {output:q} > {log:q} 2>&1"


rule draw:
    input:
        inputs_of(FIGURE),
    output:
        report(
            directory(FIGURE),
            patterns=[f"{{name}}.{SHOWN}"],
            caption="../report/figure.rst",
            category="Figures",
            labels={"figure": "{figure}"},
        ),
    log:
        f"logs/{NAME}/figures/{{figure}}.log",
    conda:
        "../../envs/report.yaml"
    threads: 1
    resources:
        **needed(FIGURE),
    params:
        study=STUDY_FILE,
    message:
        "Draw the figure {wildcards.figure}"
    shell:
        "exec python -m priming figure --study {params.study:q} --out {output:q} > {log:q} 2>&1"


rule failures:
    # Requested if tables are not built yet or list failures; never up to date then.
    input:
        rule_inputs.fresh(f"failures/{NAME}"),
        TABLES,
        GRAPH.outs("figure"),
    output:
        touch(FAILURES),
    log:
        f"logs/{NAME}/failures.log",
    conda:
        "../../envs/report.yaml"
    params:
        study=STUDY_FILE,
    message:
        "List failures"
    shell:
        "exec python -m priming failures --study {params.study:q} > {log:q} 2>&1"
