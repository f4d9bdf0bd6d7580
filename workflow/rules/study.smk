# The study, and the functions by which rules ask for their input (workflow/asked.py) and for what they need (workflow/scheduling.py).
import sys
from pathlib import Path

sys.path.insert(
    0, str(Path(workflow.current_basedir.get_path_or_uri(secret_free=True)).parent)
)

import asked as asking
import scheduling
from priming.jobs import root, tables
from priming.units import units

asking.run_this_checkout()

STUDY_FILE = asking.study_file(workflow.config_settings)
RECIPES = asking.read(STUDY_FILE)
GRAPH = RECIPES.graph
UNITS = units(GRAPH)
NAME = GRAPH.study.name
RESULTS = root(GRAPH.study)
TABLES = tables(GRAPH.study)
VERDICT = f"logs/{NAME}/verdict.done"

asked = asking.asker(RECIPES)
SITE = scheduling.site()
needed = scheduling.needing(RECIPES, SITE)
config["front"] = RECIPES.front_page()  # for the report's templates


wildcard_constraints:
    chunk=r"\d+",
    seed=r"\d+",
