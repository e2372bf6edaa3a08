"""Teaching a local model to decompose: what it learns from, how well it does, its card."""
