"""Problems and traces: from data sets with their own columns, or from a teacher that is asked."""
