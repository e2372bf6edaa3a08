"""The browser that the report is tested in."""

from __future__ import annotations

import shutil

SYSTEM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
"""The system's own; None leaves it to Playwright's."""
NO_BROWSER = "no browser starts here"
HOW = "`apt-get install chromium` or `.venv/bin/playwright install chromium` brings one"
