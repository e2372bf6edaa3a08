"""Arms side by side: what differs between them, and what may be chance."""
