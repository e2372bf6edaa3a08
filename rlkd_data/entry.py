"""Where a command begins: an interrupt while its modules are still read ends it in one line, too."""

from __future__ import annotations

import os
from importlib import import_module

_INTERRUPTED = 130


def command(module: str) -> None:
    """Run the `main` of a command line's module."""
    try:
        main = import_module(module).main
    except KeyboardInterrupt:
        os.write(2, b"interrupted: nothing was begun\n")
        os._exit(_INTERRUPTED)  # what is read by half is not to be left in good order
    main()


def main() -> None:
    command("rlkd_data.cli")
