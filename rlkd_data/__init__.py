"""rlkd_data: collect reasoning traces and take them apart into a table of steps.

Importing this package, or any module of it, loads neither torch nor transformers, trl or vllm: the backends that
need them import them when they are opened.
"""

import os

__version__ = "0.1.0"

# Torch may hold several OpenMP pools (autograd's thread has its own). Where idle workers spin, as they do by default,
# the pools fight for the same few cores, and a training step on two of them takes 30 times as long. Read when torch is
# loaded, so it is set here.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
