"""Chat with models, served or in-process: the only room of `rlkd_data` that touches a socket or a model."""
