"""`python -m clary_toolkit train`: script-mode training, from the files under /opt/ml/input to an exit code."""
