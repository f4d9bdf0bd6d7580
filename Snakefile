# The entry point: what an included file has as its default target does not count, so it is named again here.
include: "workflow/Snakefile"


rule study:
    default_target: True
    input:
        rules.all.input,
