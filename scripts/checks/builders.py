#!/usr/bin/env python3
"""Lists the cases of an installed package for coverage.py, a JSON line each: every builder of
torchvision.models for classification and segmentation, the smallest model of each module of
timm.models, or 40 architectures of transformers with tiny configurations.

Pictures are as small as a model takes them, found with tensors that have a shape and no values.
"""

import argparse
import inspect
import json
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import nn

TINY = Path(__file__).with_name("tiny_transformers.py")

# The sides of pictures that are tried, the smallest first.
SIDES = (32, 48, 64, 96, 128, 160, 192, 224, 256, 299)

# The classes of a classifier: few, so that files stay small.
CLASSES = 10

TEXT = ("input_ids=randint(1, 128, (batch_size, 12))",)
PICTURE = ("pixel_values=randn(batch_size, 3, 32, 32)",)
BOTH = (*TEXT, *PICTURE)
TRANSLATION = (*TEXT, "decoder_input_ids=randint(1, 128, (batch_size, 7))")
SPEECH = (
    "input_features=randn(batch_size, 20, 100)",
    "decoder_input_ids=randint(1, 128, (batch_size, 7))",
)
WAVE = ("input_values=randn(batch_size, 8000)",)

# The architectures of transformers, each with its inputs.
ARCHITECTURES = {
    "BertModel": TEXT,
    "BertForSequenceClassification": TEXT,
    "DistilBertModel": TEXT,
    "RobertaModel": TEXT,
    "XLMRobertaModel": TEXT,
    "AlbertModel": TEXT,
    "ElectraModel": TEXT,
    "MPNetModel": TEXT,
    "DebertaV2Model": TEXT,
    "ModernBertModel": TEXT,
    "LayoutLMModel": TEXT,
    "GPT2LMHeadModel": TEXT,
    "GPTNeoForCausalLM": TEXT,
    "GPTNeoXForCausalLM": TEXT,
    "GPTJForCausalLM": TEXT,
    "BloomForCausalLM": TEXT,
    "OPTForCausalLM": TEXT,
    "LlamaForCausalLM": TEXT,
    "MistralForCausalLM": TEXT,
    "MixtralForCausalLM": TEXT,
    "Qwen2ForCausalLM": TEXT,
    "Qwen3ForCausalLM": TEXT,
    "GemmaForCausalLM": TEXT,
    "Gemma2ForCausalLM": TEXT,
    "PhiForCausalLM": TEXT,
    "Phi3ForCausalLM": TEXT,
    "StableLmForCausalLM": TEXT,
    "FalconForCausalLM": TEXT,
    "Olmo2ForCausalLM": TEXT,
    "GraniteForCausalLM": TEXT,
    "MambaForCausalLM": TEXT,
    "T5ForConditionalGeneration": TRANSLATION,
    "BartModel": TRANSLATION,
    "MarianMTModel": TRANSLATION,
    "WhisperForConditionalGeneration": SPEECH,
    "Wav2Vec2Model": WAVE,
    "CLIPModel": BOTH,
    "SiglipModel": BOTH,
    "ViTForImageClassification": PICTURE,
    "DeiTForImageClassification": PICTURE,
    "BeitModel": PICTURE,
    "Dinov2Model": PICTURE,
    "SwinModel": PICTURE,
    "ConvNextForImageClassification": PICTURE,
    "ResNetForImageClassification": PICTURE,
    "SegformerForImageClassification": PICTURE,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("package", choices=["torchvision", "timm", "transformers"])
    package = parser.parse_args().package
    warnings.simplefilter("ignore")
    listed = {"torchvision": torchvision, "timm": timm, "transformers": transformers}[package]
    for case in listed():
        print(json.dumps(case), flush=True)


def torchvision() -> Iterator[dict]:
    from torchvision import models

    for part in (models, models.segmentation):
        for name in models.list_models(module=part):
            make = models.get_model_builder(name)
            more = (
                {"weights_backbone": None}
                if "weights_backbone" in inspect.signature(make).parameters
                else {}
            )
            found = smallest(make, {"num_classes": CLASSES, **more}, ("image_size", "input_size"))
            module = "torchvision.models" + (".segmentation" if part is not models else "")
            yield picture(f"torchvision.{name}", f"{module}:{name}", "", *found)


def timm() -> Iterator[dict]:
    import timm as package

    for module in package.list_modules():
        if module in ("gemma4_vit", "qwen3_vit", "deepseek_vit", "naflexvit"):
            continue  # encoders of sequences of patches, which take no picture
        names = package.list_models(module=module, exclude_filters=["*_in21k*"])
        with torch.device("meta"):
            sized = sorted((parameters(package.create_model, name), name) for name in names)
        fitting = next((name for count, name in sized if count), None)
        if fitting is None:
            print(f"timm.{module}: no model can be made", file=sys.stderr)
            continue

        def make(name: str = fitting, **more: object) -> nn.Module:
            return package.create_model(name, pretrained=False, **more)

        found = smallest(make, {"num_classes": CLASSES}, ("img_size",))
        yield picture(f"timm.{module}", "timm:create_model", f"'{fitting}', ", *found)


def parameters(create: Callable, name: str) -> int:
    """The number of parameters; 0 where the model cannot be made."""
    try:
        return sum(p.numel() for p in create(name, pretrained=False).parameters())
    except Exception:
        return 0


def smallest(make: Callable, fixed: dict, sizes: tuple[str, ...]) -> tuple[dict, int]:
    """The arguments and the side of the smallest picture with which the model trains. `sizes` are
    the names under which a builder may take the side."""
    model = without_values(make, fixed)
    for side in SIDES:
        if trains(model, side):
            return fixed, side
    for side in SIDES:
        for name in sizes:
            for value in (side, (side, side)):
                given = fixed | {name: value}
                if trains(without_values(make, given), side):
                    return given, side
    return fixed, SIDES[-1]


def without_values(make: Callable, given: dict) -> nn.Module | None:
    """The model with tensors that have a shape alone; `None` where it cannot be made."""
    try:
        with torch.device("meta"):
            return make(**given)
    except Exception:
        pass
    try:
        # Some constructors compute with the values of tensors.
        return make(**given).to("meta")
    except Exception:
        return None


def trains(model: nn.Module | None, side: int) -> bool:
    if model is None:
        return False
    try:
        with torch.device("meta"):
            model(torch.randn(3, 3, side, side))
    except Exception:
        return False
    return True


def picture(case: str, target: str, first: str, given: dict, side: int) -> dict:
    return {
        "id": case,
        "target": target,
        "args": first + ", ".join(f"{name}={value!r}" for name, value in given.items()),
        "inputs": [f"randn(batch_size, 3, {side}, {side})"],
    }


def transformers() -> Iterator[dict]:
    import transformers as package

    for name, inputs in ARCHITECTURES.items():
        entry = inspect.signature(getattr(package, name).forward).parameters
        call = ["return_dict=False"]
        call += ["use_cache=False"] if "use_cache" in entry or "kwargs" in entry else []
        if inputs in (PICTURE, WAVE, BOTH):
            call = call[:1]
        yield {
            "id": f"transformers.{name}",
            "target": f"{TINY}:build",
            "args": repr(name),
            "inputs": list(inputs),
            "call": ", ".join(call),
        }


if __name__ == "__main__":
    main()
