"""Runs one example on a port of the caller's choice: ``python launch.py PATH PORT``.

The examples stand as a reader would write them, on port 8080. The chapters that do without `run_app`
have a ``main(port)``; for the others `run_app` is given another default, and the file runs as a program.
"""

import functools
import runpy
import sys
from pathlib import Path

import sketch
from sketch import application


def launch(path: str, port: int) -> None:
    if "\ndef main(port" in Path(path).read_text("utf-8"):
        runpy.run_path(path)["main"](port)
        return
    # A name in the module goes before its `__getattr__`, which is where `run_app` may come from.
    run_app = functools.partial(application.run_app, port=port)
    vars(application)["run_app"] = vars(sketch)["run_app"] = run_app
    runpy.run_path(path, run_name="__main__")


if __name__ == "__main__":
    launch(sys.argv[1], int(sys.argv[2]))
