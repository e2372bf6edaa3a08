"""How many requests at once, how many a minute, and when a failed one is tried again."""
