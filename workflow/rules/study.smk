# The study: the file given by --configfile, read alone, or else config.yaml.
import os
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

ROOT = Path(workflow.current_basedir.get_path_or_uri(secret_free=True)).parents[1]

# Commands run this checkout with the Python that runs Snakemake, also where neither is on the path.
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT / "src"), os.environ.get("PYTHONPATH")]))
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
sys.path.insert(0, str(ROOT / "src"))

from priming.errors import UserError
from priming.jobs import graph, root, tables
from priming.recipes import Recipes
from priming.study.load import load_study


def study_file():
    """The one study file."""
    settings = workflow.config_settings
    if settings.config:
        raise WorkflowError(
            f"--config {' '.join(settings.config)}: a study is what its file says. Change the file, or copy it and give the copy with --configfile."
        )
    if len(settings.configfiles) > 1:
        raise WorkflowError("More than one --configfile: a study file is never merged with another. Give one.")
    return Path(os.path.relpath(settings.configfiles[0])) if settings.configfiles else Path("config.yaml")


STUDY_FILE = study_file()
try:
    GRAPH = graph(load_study(STUDY_FILE))
    RECIPES = Recipes(GRAPH, STUDY_FILE.parent)
    RECIPES.read_raw_data()
except UserError as error:
    raise WorkflowError(str(error)) from None

NAME = GRAPH.study.name
RESULTS = root(GRAPH.study)
TABLES = tables(GRAPH.study)
VERDICT = f"work/{NAME}/verdict"

# For templates of the report.
config["front"] = RECIPES.front_page()


wildcard_constraints:
    chunk=r"\d+",
    seed=r"\d+",
