"""The structure of reasoning: text to steps, steps to alignment, alignment to score. Pure: no I/O, no model."""
