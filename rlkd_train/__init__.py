"""rlkd_train: train and judge a student with the structure that `rlkd_data` found in a teacher's reasoning."""

import os

# Autograd's thread has an OpenMP pool of its own. Where idle workers spin, as they do by default, two pools fight for
# the same few cores, and a step on two of them takes 30 times as long. Read when torch is loaded, so it is set here.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
