"""Media types by name."""

from clary_toolkit.stand_ins.sagemaker_inference.content_types import (
    ANY,
    CSV,
    JSON,
    NPY,
    NPZ,
    OCTET_STREAM,
    UTF8_TYPES,
)

__all__ = ["ANY", "CSV", "JSON", "NPY", "NPZ", "OCTET_STREAM", "UTF8_TYPES"]
