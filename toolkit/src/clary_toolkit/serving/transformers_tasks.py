"""What a Hugging Face model is for, told from its configuration. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Whole names go before endings, and longer endings before shorter ones.
_NAMES = {
    "EncoderDecoderModel": "text2text-generation",
    "GPT2LMHeadModel": "text-generation",
    "MTModel": "text2text-generation",
    "OpenAIGPTLMHeadModel": "text-generation",
    "T5WithLMHeadModel": "text2text-generation",
    "TapasForQuestionAnswering": "table-question-answering",
    "LayoutLMForQuestionAnswering": "document-question-answering",
    "ViltForQuestionAnswering": "visual-question-answering",
    "VisionEncoderDecoderModel": "image-to-text",
    "SpeechEncoderDecoderModel": "automatic-speech-recognition",
    "WhisperForConditionalGeneration": "automatic-speech-recognition",
    "Speech2TextForConditionalGeneration": "automatic-speech-recognition",
}
_ENDINGS = (
    ("ForZeroShotObjectDetection", "zero-shot-object-detection"),
    ("ForConditionalGeneration", "text2text-generation"),
    ("ForSequenceClassification", "text-classification"),
    ("ForAudioClassification", "audio-classification"),
    ("ForImageClassification", "image-classification"),
    ("ForTokenClassification", "token-classification"),
    ("ForImageSegmentation", "image-segmentation"),
    ("ForDepthEstimation", "depth-estimation"),
    ("ForQuestionAnswering", "question-answering"),
    ("ForObjectDetection", "object-detection"),
    ("ForMaskedLM", "fill-mask"),
    ("ForCausalLM", "text-generation"),
    ("ForCTC", "automatic-speech-recognition"),
    ("LMHeadModel", "text-generation"),
    ("Model", "feature-extraction"),
)


def infer_task(configuration: Mapping[str, Any]) -> str:
    """The pipeline's name. Raises ValueError when the configuration does not tell it."""
    architectures = configuration.get("architectures") or []
    if not architectures:
        raise ValueError("config.json names no architecture: set the variable HF_TASK to the task of the model")
    name = str(architectures[0])
    found = _NAMES.get(name) or next((task for ending, task in _ENDINGS if name.endswith(ending)), "")
    if not found:
        raise ValueError(f"the architecture {name} does not tell a task: set the variable HF_TASK")
    return found
