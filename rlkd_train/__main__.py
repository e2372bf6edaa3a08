"""`python -m rlkd_train`, as accelerate and torchrun start it: `torchrun --nproc-per-node 8 -m rlkd_train grpo …`."""

from __future__ import annotations

from rlkd_train.cli import main

if __name__ == "__main__":
    main()
