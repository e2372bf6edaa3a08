"""A run's model to the Hub, with its card."""
