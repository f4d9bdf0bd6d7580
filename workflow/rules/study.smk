# The study, and the functions for the rules' inputs (workflow/rule_inputs.py) and resources (workflow/scheduling.py).
import sys
from pathlib import Path

sys.path.insert(
    0, str(Path(workflow.current_basedir.get_path_or_uri(secret_free=True)).parent)
)

import rule_inputs
import scheduling
from priming.jobs.graph import root, tables
from priming.jobs.stages import stages

rule_inputs.run_this_checkout()
rule_inputs.collect_rarely()

STUDY_FILE = rule_inputs.study_file(workflow.config_settings)
RECIPES = rule_inputs.read(STUDY_FILE)
GRAPH = RECIPES.graph
rule_inputs.keep_results(RECIPES)
has_started = rule_inputs.announce(workflow, RECIPES, STUDY_FILE)
STAGES = stages(GRAPH)
NAME = GRAPH.study.name
RESULTS = root(GRAPH.study)
TABLES = tables(GRAPH.study)
FAILURES = f"logs/{NAME}/failures.done"

inputs_of = rule_inputs.input_function(RECIPES)
SITE = scheduling.site()
needed = scheduling.needing(RECIPES, SITE)
config["front"] = rule_inputs.landing_page(RECIPES)  # for the report's templates


wildcard_constraints:
    chunk=r"\d+",
    bank=r"seed-\d+|chunks/\d+",
