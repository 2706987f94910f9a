"""``python -m sketch`` is the command line of `sketch.cli`."""

from .cli import main

if __name__ == "__main__":
    main()
