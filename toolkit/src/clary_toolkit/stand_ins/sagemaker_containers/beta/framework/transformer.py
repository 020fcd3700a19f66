"""Scripts import it with the others and use nothing of it."""
