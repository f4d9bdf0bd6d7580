"""Settings of the documentation's site; `make docs` builds it into build/docs."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from priming import __version__

project = "priming"
author = "The priming contributors"
copyright = "the priming contributors, Apache-2.0"
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode", "building"]
exclude_patterns = ["quoted", "building"]
source_suffix = {".md": "markdown"}

# Headings have the anchors that they have where a repository's Markdown is shown.
myst_heading_anchors = 4
myst_links_external_new_tab = False

highlight_language = "text"
# Docstrings write code between single backquotes.
default_role = "code"
add_module_names = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "fully-qualified"
autodoc_preserve_defaults = True
toc_object_entries_show_parents = "hide"
python_use_unqualified_type_names = True

html_theme = "furo"
html_title = "priming"
html_static_path = ["building/static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False

# Types of other libraries have no page here; building needs no network.
nitpick_ignore_regex = [("py:.*", r"(?!priming\b).*"), ("py:.*", r"priming\.(?!cli\b).*")]

linkcheck_timeout = 20
linkcheck_retries = 2
linkcheck_anchors = False
