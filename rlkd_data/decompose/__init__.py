"""`rlkd-data decompose`: traces to decompositions that can be trusted."""
