"""An unchanged program on sketch: ``python -m sketch.compat program.py``, ``python -m sketch.compat -m
module``.

Calls `install`, and then does what ``python`` does with the same arguments.
"""

import os
import runpy
import sys
from collections.abc import Sequence

from . import install

USAGE = "usage: python -m sketch.compat (program.py | -m module) [arguments]"


def main(arguments: Sequence[str]) -> None:
    """Run what the arguments name, as ``__main__``. What it raises passes through.

    Raises `SystemExit` with code 2 where they name nothing."""
    match arguments:
        case ["-m", module, *rest]:
            install()
            sys.argv = [module, *rest]
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        case [path, *_] if not path.startswith("-"):
            install()
            sys.argv = list(arguments)
            sys.path[0] = os.path.dirname(os.path.abspath(path))
            runpy.run_path(path, run_name="__main__")
        case _:
            sys.stderr.write(f"{USAGE}\n")
            raise SystemExit(2)


if __name__ == "__main__":
    main(sys.argv[1:])
