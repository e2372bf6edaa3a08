"""Final answers: read from texts, compared with gold; code run on its tests. Pure, but for its processes."""
