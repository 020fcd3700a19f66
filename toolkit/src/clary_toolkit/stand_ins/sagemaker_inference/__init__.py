"""What scripts import from the serving images: `content_types`, `encoder`, `decoder`, `errors`."""
