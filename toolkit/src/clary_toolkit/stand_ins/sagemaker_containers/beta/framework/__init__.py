"""`worker`, `encoders`, `content_types`, `env`; `modules` and `transformer` are only imported by scripts."""
