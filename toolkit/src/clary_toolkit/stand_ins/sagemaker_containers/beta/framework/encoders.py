"""Bodies from and to arrays."""

from clary_toolkit.stand_ins.sagemaker_inference.decoder import decode
from clary_toolkit.stand_ins.sagemaker_inference.encoder import encode

__all__ = ["decode", "encode"]
