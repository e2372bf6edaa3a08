"""A run in several processes: how they are started, and how they work as one."""
