"""rlkd_data: collect reasoning traces and take them apart into a table of steps.

Importing this package, or any module of it, loads neither torch nor transformers, trl or vllm: the backends that
need them import them when they are opened.
"""

__version__ = "0.1.0"
