"""Links that lead out of docs/: to another page where the site shows the file, else to a copy of it."""

import re
from pathlib import Path

SHOWN = {
    "../benchmarks/README.md": "benchmarks.md",
    "../CHANGELOG.md": "changelog.md",
    "../CONTRIBUTING.md": "contributing.md",
}
"""Files outside docs/ that the site includes as pages."""
LINK = re.compile(r"\[(?P<text>[^\]]*)\]\((?P<path>[^):#\s]+)(?P<anchor>#[^)]*)?\)")


def within_the_site(text: str, folder: Path) -> str:
    """The text of a page in `folder`: links to included files lead to their pages, links to folders are plain text.

    Sphinx itself copies other linked files into the site.
    """
    return LINK.sub(lambda link: _within(link, folder), text)


def _within(link: re.Match[str], folder: Path) -> str:
    path, anchor = link["path"], link["anchor"] or ""
    if path in SHOWN:
        return f"[{link['text']}]({SHOWN[path]}{anchor})"
    return f"`{path.removeprefix('../')}`" if (Path(folder) / path).is_dir() else link[0]
