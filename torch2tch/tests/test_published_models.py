"""Published models of other kinds, with their published weights, each as a crate of its own: a
detector of faces in three networks, the pitch of a sound, the voice of a speaker.

Nothing of theirs is kept: packages come from the package index, and where they cannot be had the
tests are skipped and say so.
"""

from dataclasses import dataclass

import pytest
import torch
from safetensors.torch import load_file, save_file

from .reader import Reader

pytestmark = pytest.mark.slow

# The models' packages name older versions of torch, or more than their networks need.
PACKAGES = (
    "../final-layer/torch2tch torch==2.13.0 torchvision==0.28.0 requests librosa resampy "
    "webrtcvad-wheels",
    "--no-deps facenet-pytorch==2.6.0 torchcrepe==0.0.24 resemblyzer==0.1.4 torchaudio==2.11.*",
)


@dataclass(frozen=True)
class Published:
    """A model: the target and options of torch2tch, Python that makes it with its weights as
    `model`, its file of weights below site-packages, and the options that the file needs."""

    target: str
    options: str
    python: str
    weights: str
    loading: str = ""


FACES = "from facenet_pytorch.models.mtcnn import PNet, RNet, ONet; "
MODELS = {
    "pnet": Published(
        "facenet_pytorch.models.mtcnn:PNet",
        "--input 'randn(batch_size, 3, height, width)' --size height=24,30 --size width=20,32",
        FACES + "model = PNet()",
        "facenet_pytorch/data/pnet.pt",
    ),
    "rnet": Published(
        "facenet_pytorch.models.mtcnn:RNet",
        "--input 'randn(batch_size, 3, 24, 24)'",
        FACES + "model = RNet()",
        "facenet_pytorch/data/rnet.pt",
    ),
    "onet": Published(
        "facenet_pytorch.models.mtcnn:ONet",
        "--input 'randn(batch_size, 3, 48, 48)'",
        FACES + "model = ONet()",
        "facenet_pytorch/data/onet.pt",
    ),
    "pitch": Published(
        "torchcrepe:Crepe",
        "--args '\"tiny\"' --input 'randn(batch_size, 1024)'",
        "import torchcrepe; model = torchcrepe.Crepe('tiny'); "
        "model.load_state_dict(torch.load(torchcrepe.__path__[0] + '/assets/tiny.pth'))",
        "torchcrepe/assets/tiny.pth",
    ),
    "voice": Published(
        "resemblyzer:VoiceEncoder",
        "--args 'device=\"cpu\", verbose=False' --input 'rand(batch_size, 160, 40)'",
        "from resemblyzer import VoiceEncoder; model = VoiceEncoder('cpu', verbose=False)",
        "resemblyzer/pretrained.pt",
        # The file has two numbers of the training's loss that the network does not have.
        "--weights-key model_state --weights-partial",
    ),
}

# As Python answers: the outputs under the names that the crate's program writes.
ANSWER = """
import torch
from safetensors.torch import load_file, save_file
{python}
model.eval()
(value,) = load_file("{name}-input.safetensors").values()
with torch.no_grad():
    output = model(value)
outputs = {{"output": output}} if isinstance(output, torch.Tensor) else {{
    f"output.{{place}}": part for place, part in enumerate(output)}}
save_file({{key: part.contiguous() for key, part in outputs.items()}}, "{name}-python.safetensors")
"""


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """An environment with the packages."""
    from torch2tch import checkout

    made = Reader(tmp_path_factory.mktemp("published"), checkout.ROOT)
    assert made.run("python3 -m venv venv").code == 0
    made.borrow_packages()
    for packages in PACKAGES:
        done = made.run(f"venv/bin/pip install {packages}")
        if done.code:
            pytest.skip(f"the packages cannot be installed here: {done.err.splitlines()[-1:]}")
    return made


def inputs(name: str) -> dict[str, torch.Tensor]:
    """Inputs by the names that `forward` has for them."""
    torch.manual_seed(0)
    if name == "pitch":
        # A tone of 440 Hz at 16 kHz, as torchcrepe hands it to the network.
        tone = torch.sin(2 * torch.pi * 440 / 16_000 * torch.arange(1024.0))
        return {"x": ((tone - tone.mean()) / tone.std())[None]}
    if name == "voice":
        return {"mels": torch.rand(2, 160, 40)}
    sides = {"pnet": (37, 51), "rnet": (24, 24), "onet": (48, 48)}[name]
    return {"x": torch.randn(4, 3, *sides)}


@pytest.mark.parametrize("name", MODELS)
def test_the_answers_are_equal_to_the_bit(name: str, reader: Reader) -> None:
    model = MODELS[name]
    done = reader.run(f"venv/bin/torch2tch {model.target} {model.options} --crate {name}")
    assert done.code == 0, done
    done = reader.run(f"cargo install --quiet --path {name} --root .")
    assert done.code == 0, done
    save_file(inputs(name), reader.folder / f"{name}-input.safetensors")
    script = reader.folder / f"{name}.ask.py"
    script.write_text(ANSWER.format(python=model.python, name=name))
    done = reader.run(f"venv/bin/python {script.name}")
    assert done.code == 0, done
    (weights,) = reader.folder.glob(f"venv/lib/python3*/site-packages/{model.weights}")
    done = reader.run(
        f"bin/{name} {weights} {name}-input.safetensors {model.loading} "
        f"--output {name}-rust.safetensors"
    )
    assert done.code == 0, done

    rust = load_file(reader.folder / f"{name}-rust.safetensors")
    python = load_file(reader.folder / f"{name}-python.safetensors")
    assert rust.keys() == python.keys()
    for key, expected in python.items():
        assert equal_bits(rust[key], expected), (name, key)
    check_meaning(name, python)
    # Weights that are drawn give another answer: the published ones have been loaded.
    drawn = f"bin/{name} {name}/recorded/weights.safetensors {name}-input.safetensors"
    done = reader.run(f"{drawn} --output {name}-drawn.safetensors")
    assert done.code == 0, done
    other = load_file(reader.folder / f"{name}-drawn.safetensors")
    assert not all(equal_bits(other[key], expected) for key, expected in python.items())


def equal_bits(first: torch.Tensor, second: torch.Tensor) -> bool:
    return first.shape == second.shape and torch.equal(
        first.view(torch.uint8), second.view(torch.uint8)
    )


def check_meaning(name: str, python: dict[str, torch.Tensor]) -> None:
    """What is compared is an answer: of the tone its pitch, of a voice a vector of length 1."""
    if name == "pitch":
        # Bins of 20 cents, the first at 1997.38 cents above 10 Hz.
        cents = 20 * int(python["output"].argmax()) + 1997.3794084376191
        assert abs(10 * 2 ** (cents / 1200) - 440) < 6
    if name == "voice":
        assert torch.allclose(python["output"].norm(dim=1), torch.ones(2))
