"""How the documentation is built: Markdown through MyST, static pages, nothing loaded from elsewhere."""

import tomllib
from pathlib import Path

_project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text("utf-8"))["project"]

project = "sketch"
author = "the sketch authors"
copyright = "the sketch authors"
version = release = _project["version"]

extensions = ["myst_parser"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = f"sketch {release}"
html_show_sphinx = False
