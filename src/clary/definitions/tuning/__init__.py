"""What a hyperparameter tuning job asks for: ranges, objective, limits, and the training jobs made from it. Pure.

Used by services/sagemaker/tuning (checks when a tuning job is made) and engine/tuning (the search itself).
"""
