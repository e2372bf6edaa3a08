"""Tables and runs as one self-contained HTML page."""
