"""Where the library keeps everything."""
