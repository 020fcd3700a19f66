"""Names that every room uses. Standard library only; imports nothing else of Clary."""
