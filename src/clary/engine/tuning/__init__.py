"""Hyperparameter tuning: a controller that makes training jobs, and the searches that tell it which.

`plan` decides and touches nothing, `search` proposes values, `children` makes and observes training jobs, and
`controller` is what the reconcile loop calls.
"""
