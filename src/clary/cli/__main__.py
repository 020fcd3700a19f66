"""`python -m clary.cli` is `clary`."""

from clary.cli.main import main

main()
