"""What a run would do and need, before it starts: `--dry-run`, and what is decided by it."""
