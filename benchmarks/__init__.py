"""Figures, measured on a real server through real clients, as ratios against a peer or a limit of the same run.

`scripts/bench` runs all of them and prints one JSON document. Nothing here asserts; tests never time.
"""
