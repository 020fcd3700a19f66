"""The golden table: operation x situation -> status, code and text, as data, and what must exist for it."""
