"""The command line. It starts processes and speaks Clary's public API like any other client."""
