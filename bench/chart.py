"""The bar chart of the README: ``python -m bench.chart RESULTS.json SPEED.png``."""

import sys
from pathlib import Path

import matplotlib
from matplotlib import pyplot

from bench.figures import Results, efficiency, spread
from bench.report import read

WORK = "plaintext"
OWN, LIMIT, OTHER, INK, QUIET = "#d9480f", "#dee2e6", "#8aa4c0", "#212529", "#6c757d"


def draw(results: Results, file: Path) -> None:
    """Draw requests per server CPU second, the best server at the top, on a white card."""
    figures = results["works"][WORK]
    values = {name: spread(efficiency(own)) for name, own in figures.items()}
    names = sorted((name for name in values if "@" not in name), key=lambda name: values[name].median)
    matplotlib.use("Agg")
    figure, axes = pyplot.subplots(figsize=(8.6, 0.44 * len(names) + 1.5), dpi=160)
    figure.patch.set_facecolor("white")
    medians = [values[name].median for name in names]
    bars = axes.barh(range(len(names)), medians, height=0.68, color=[_colour(name) for name in names])
    for bar, name in zip(bars, names, strict=True):
        axes.text(
            bar.get_width() + max(medians) * 0.01,
            bar.get_y() + bar.get_height() / 2,
            f"{values[name].median / 1000:,.0f} k",
            va="center",
            color=INK,
            fontsize=10,
            fontweight="bold" if name == "sketch" else "normal",
        )
    _label(axes, results, names)
    axes.set_xlim(0, max(medians) * 1.09)
    axes.set_ylim(-0.6, len(names) - 0.4)
    figure.tight_layout()
    figure.savefig(file, facecolor="white")
    pyplot.close(figure)


def _label(axes: pyplot.Axes, results: Results, names: list[str]) -> None:
    axes.set_yticks(range(len(names)), [results["titles"].get(name, name) for name in names], color=INK)
    for label, name in zip(axes.get_yticklabels(), names, strict=True):
        label.set_fontweight("bold" if name == "sketch" else "normal")
        label.set_color(QUIET if name in ("ceiling", "nginx") else INK)
    axes.set_title(
        "Requests per second of server CPU time, plaintext",
        loc="left",
        color=INK,
        fontsize=13,
        fontweight="bold",
        pad=12,
    )
    axes.set_xlabel(
        f"{results['date'][:10]}, one core, Python {results['versions'].get('Python', '')}. "
        "Grey: limits with a canned answer. More is better.",
        loc="left",
        color=QUIET,
        fontsize=8.5,
    )
    axes.set_xticks([])
    axes.tick_params(axis="y", length=0, labelsize=10)
    for side in axes.spines.values():
        side.set_visible(False)


def _colour(name: str) -> str:
    if name == "sketch":
        return OWN
    return LIMIT if name in ("ceiling", "nginx") else OTHER


if __name__ == "__main__":
    draw(read(Path(sys.argv[1])), Path(sys.argv[2]))
