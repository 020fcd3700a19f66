"""What Clary puts into a job's own environment: the /opt/ml contract of training and hosting containers.

Runs on Python 3.9 or newer, next to whatever the user's framework needs, and therefore imports neither Clary
nor anything heavy. Nothing is imported here: every command pays only for what it uses.
"""
