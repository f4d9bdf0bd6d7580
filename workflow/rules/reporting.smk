FIGURE = f"{RESULTS}/figures/{{figure}}"
FORMATS = GRAPH.study.figures.style.formats
SHOWN = next(format for format in ("svg", "png", "pdf") if format in FORMATS)


rule tabulate:
    input:
        asked(TABLES),
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
    benchmark:
        f"logs/{NAME}/tables.tsv"
    conda:
        "../../envs/report.yaml"
    threads: 1
    resources:
        **needed(TABLES),
    params:
        study=STUDY_FILE,
    message:
        "Score, and test significance"
    shell:
        "exec python -m priming tables --study {params.study:q} --out {output:q} > {log:q} 2>&1"


rule draw:
    input:
        asked(FIGURE),
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
    benchmark:
        f"logs/{NAME}/figures/{{figure}}.tsv"
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


rule verdict:
    # Asked for where tables are made or name failures, and then never up to date.
    input:
        asking.fresh(f"verdict/{NAME}"),
        TABLES,
        GRAPH.outs("figure"),
    output:
        touch(VERDICT),
    log:
        f"logs/{NAME}/verdict.log",
    conda:
        "../../envs/report.yaml"
    params:
        study=STUDY_FILE,
    message:
        "Name what failed"
    shell:
        "exec python -m priming verdict --study {params.study:q} > {log:q} 2>&1"
