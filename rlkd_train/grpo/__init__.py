"""GRPO on the student."""
