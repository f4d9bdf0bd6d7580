# The entry point. The default target of an included file does not count, so it is repeated here.
include: "workflow/Snakefile"


rule study:
    default_target: True
    input:
        rules.all.input,
