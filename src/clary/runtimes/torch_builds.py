"""PyTorch's own packages: which of their builds goes into an environment, and where they may come from.

The package index's build for Linux brings gigabytes of libraries for GPUs, and the one without them is published
elsewhere, under a version of its own (`+cpu`). So PyTorch stands in no lock: its version is fixed here, its files'
hashes are not. What is named `+cpu` can only come from the PyTorch project's index or from a source that the
operator has configured: public package indexes refuse such versions. Pure; `environments` carries it out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

TORCH = "2.13.0"
# The release of torchvision that is made for it.
VISION = "0.28.0"
_WITHOUT_VISION = "torchvision is not installed: no configured package source has it in a build for processors"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One way to install it: `packages` and `options` of `uv pip install`. `note` is for the log of each job."""

    source: str
    packages: tuple[str, ...]
    options: tuple[str, ...]
    note: str = ""


def describe_build(*, gpu: bool) -> str:
    """What decides about the files, to be part of the environment's digest."""
    return f"torch {TORCH} torchvision {VISION} for {'GPUs' if gpu else 'processors'}"


def ways_to_install(*, gpu: bool) -> Sequence[Attempt]:
    """The best first. Everything else that PyTorch needs on a processor is in the lock."""
    both = (f"torch=={TORCH}", f"torchvision=={VISION}")
    if gpu:
        return (
            Attempt("the PyTorch project's index for this GPU", both, ("--torch-backend=auto",)),
            Attempt("the configured package sources", both, ()),
        )
    own = tuple(f"{package}+cpu" for package in both)
    configured = "the configured package sources"
    return (
        Attempt(configured, own, ("--no-deps",)),
        Attempt(configured, own[:1], ("--no-deps",), _WITHOUT_VISION),
        Attempt("the PyTorch project's index", both, ("--no-deps", "--torch-backend=cpu")),
    )
