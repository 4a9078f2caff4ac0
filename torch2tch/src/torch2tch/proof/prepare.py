"""What has to be there before a class can be recorded in both languages."""

import hashlib
import os
from pathlib import Path

from torch2tch import checkout
from torch2tch.reference.common import Refused

from .build import compile_program
from .loss import translate_loss
from .program import program
from .signature import read_signature
from .subject import write_given

# The variable in which given.rs finds the batch.
GIVEN = "FINAL_LAYER_GIVEN"


def prepare(subject, rust, folder, *, seed, device, threads, batch_size):
    """The executable that records the class in Rust, and the environment that it needs.

    `rust` is a file of Rust, around which a program is built, or an executable that has a `trace`
    command of its own: that one draws the batch itself. What is not wanted afterwards goes to
    `folder`.
    """
    given = folder / "given.safetensors"
    batch = write_given(given, subject, seed, device, threads, batch_size)
    if is_executable(rust):
        subject.is_given = False
        return rust, {}
    signature = read_signature(rust, subject.name)
    loss = signature.loss_of_its_own(batch) or translate_loss(subject, batch)
    text = program(signature, rust, subject, batch, loss)
    kept = kept_folder(subject.name, rust)
    main = kept / "main.rs"
    main.write_text(text, encoding="utf-8")
    executable = folder / "port"
    compile_program(main, executable, log=kept / "rustc.log")
    return executable, {GIVEN: str(given)}


def is_executable(rust):
    if not rust.is_file():
        raise Refused(
            f"{rust}: expected a file of Rust or an executable, found "
            f"{'a folder' if rust.is_dir() else 'nothing'}"
        )
    return rust.suffix != ".rs" and os.access(rust, os.X_OK)


def kept_folder(name, rust):
    """Where the program and what the compiler said of it stay, a folder for each file of Rust."""
    mark = hashlib.sha256(str(Path(rust).resolve()).encode()).hexdigest()[:8]
    folder = checkout.ROOT / "target" / "port" / f"{name}-{mark}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
