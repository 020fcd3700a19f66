"""The language of pipeline definitions: parameters, references, conditions, steps and their order. Pure.

Also what a tuning job asks for (`tuning`).

Used by services/sagemaker/pipelines (checks when a pipeline is made) and engine/pipelines (execution).
"""
