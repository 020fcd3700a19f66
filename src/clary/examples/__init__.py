"""Code that users would write, shipped so that `clary quickstart` can run it. None of it imports Clary."""
