"""The graph of the workflow's rules, for the documentation: as Snakemake knows it, in DOT, and drawn as SVG."""

import re
import subprocess
import sys
from pathlib import Path

EDGE = re.compile(r"^\s*(\d+) -> (\d+)", re.MULTILINE)
NODE = re.compile(r'^\s*(\d+)\[label = "([^"]+)"', re.MULTILINE)
DOT, SVG = Path("docs/rulegraph.dot"), Path("docs/rulegraph.svg")
WIDTH, HEIGHT, GAP, RISE = 84, 32, 28, 24
"""Of a rule's box, between two boxes, and of an arc over one box, in pixels."""

Edges = list[tuple[str, str]]


def edges(project: Path) -> Edges:
    """The rules that the rules of `config.yaml` depend on, whatever has been made: (before, after), sorted."""
    command = [sys.executable, "-m", "snakemake", "--forceall", "--rulegraph", "dot", "--cores", "1"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"snakemake draws no graph: {done.stderr}")
    rules = dict(NODE.findall(done.stdout))
    return sorted((rules[before], rules[after]) for before, after in EDGE.findall(done.stdout))


def dot(graph: Edges) -> str:
    """The graph in DOT."""
    lines = [f"    {before} -> {after};" for before, after in graph]
    return "\n".join(["digraph rules {", *lines, "}", ""])


def order(graph: Edges) -> list[str]:
    """The rules, each after those that it depends on; of two that could be next, the earlier in the alphabet."""
    left = {rule for edge in graph for rule in edge}
    ordered: list[str] = []
    while left:
        free = {rule for rule in left if not any(after == rule and before in left for before, after in graph)}
        ordered.append(min(free))
        left.remove(ordered[-1])
    return ordered


def svg(graph: Edges) -> str:
    """The graph as a row of boxes with arcs from each rule to those that need its results."""
    rules = order(graph)
    place = {rule: number for number, rule in enumerate(rules)}
    span = max(place[after] - place[before] for before, after in graph)
    top, width = RISE * span, len(rules) * (WIDTH + GAP)
    drawn = [_arc(place[before], place[after], top) for before, after in graph]
    drawn += [_box(rule, place[rule], top) for rule in rules]
    height = top + HEIGHT + 8
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" role="img">'
    arrow = (
        '<marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="#555"/></marker>'
    )
    title = "<title>The rules of the workflow, and which need the results of which</title>"
    background = f'<rect width="{width}" height="{height}" fill="white"/>'
    return "\n".join([head, title, f"<defs>{arrow}</defs>", background, *drawn, "</svg>", ""])


def _box(rule: str, place: int, top: int) -> str:
    x = place * (WIDTH + GAP) + GAP // 2
    text = f'text-anchor="middle" font-family="sans-serif" font-size="14" x="{x + WIDTH // 2}" y="{top + 21}"'
    return (
        f'<rect x="{x}" y="{top}" width="{WIDTH}" height="{HEIGHT}" rx="6" fill="#e8f1f8" stroke="#0072b2"/>'
        f"<text {text}>{rule}</text>"
    )


def _arc(before: int, after: int, top: int) -> str:
    """A straight arrow to the next box, an arc over those between."""
    step = WIDTH + GAP
    style = 'fill="none" stroke="#555" marker-end="url(#arrow)"'
    if after - before == 1:
        middle = top + HEIGHT // 2
        return f'<path d="M{after * step - GAP // 2} {middle}H{after * step + GAP // 2}" {style}/>'
    start, end = before * step + GAP // 2 + WIDTH * 2 // 3, after * step + GAP // 2 + WIDTH // 3
    high = top - RISE * (after - before) * 4 // 3 + RISE
    return f'<path d="M{start} {top}C{start} {high} {end} {high} {end} {top}" {style}/>'


def main() -> None:
    """Write both files anew; to be run in the project's folder."""
    graph = edges(Path())
    DOT.write_text(dot(graph), encoding="utf-8")
    SVG.write_text(svg(graph), encoding="utf-8")


if __name__ == "__main__":
    main()
