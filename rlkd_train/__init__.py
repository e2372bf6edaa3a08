"""rlkd_train: train and judge a student with the structure that `rlkd_data` found in a teacher's reasoning."""
