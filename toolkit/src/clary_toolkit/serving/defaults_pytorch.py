"""PyTorch's handlers: a TorchScript file as the model, tensors in, the module's answer out.

Imports inside functions: see `arrays`.
"""

# ruff: noqa: PLC0415 - see `arrays`
from __future__ import annotations

from pathlib import Path
from typing import Any

from clary_toolkit.errors import RequestError
from clary_toolkit.serving import arrays
from clary_toolkit.serving.content import TEXT_TYPES, media_type

MODEL_FILE = "model.pt"
SUFFIXES = frozenset({".pt", ".pth"})


def model_fn(model_dir: str) -> Any:
    """The TorchScript module in `model.pt`, or in the only file of its kind."""
    import torch

    path = _model_file(Path(model_dir))
    try:
        return torch.jit.load(str(path), map_location=_device())
    except RuntimeError as error:
        raise ValueError(
            f"{path.name} is not TorchScript (torch.jit.save): define model_fn in code/inference.py to load "
            f"anything else ({error})"
        ) from error


def input_fn(data: Any, content_type: str) -> Any:
    """float32 for the text types, the sender's own numbers for binary ones."""
    import torch

    array = arrays.decode(data, content_type)
    try:
        if media_type(content_type) in TEXT_TYPES:
            array = array.astype("float32")
        return torch.from_numpy(array).to(_device())
    except (ValueError, TypeError) as error:
        raise RequestError(400, f"the body does not hold numbers only: {error}") from error


def predict_fn(data: Any, model: Any) -> Any:
    import torch

    model.to(_device()).eval()
    with torch.no_grad():
        return model(data.to(_device()))


def output_fn(prediction: Any, accept: str) -> tuple[bytes | str, str]:
    if hasattr(prediction, "detach"):
        prediction = prediction.detach().cpu().numpy()
    return arrays.encode(prediction, accept)


def _model_file(folder: Path) -> Path:
    if (folder / MODEL_FILE).is_file():
        return folder / MODEL_FILE
    found = sorted(each for each in folder.iterdir() if each.suffix in SUFFIXES and each.is_file())
    if len(found) != 1:
        names = ", ".join(each.name for each in found) or "there is none"
        raise ValueError(
            f"without model_fn, the model folder must hold {MODEL_FILE} or one .pt or .pth file: {names}"
        )
    return found[0]


def _device() -> Any:
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
