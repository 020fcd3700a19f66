"""`python -m clary_toolkit feed -- PROGRAM`: channels in Pipe mode, fed into named pipes beside the program."""
