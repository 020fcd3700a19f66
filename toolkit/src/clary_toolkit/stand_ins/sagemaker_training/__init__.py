"""What scripts import from the training images: `environment`."""
