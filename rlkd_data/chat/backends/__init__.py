"""One module a provider: a request to its wire form, its answer to a Reply. None retries or limits."""
