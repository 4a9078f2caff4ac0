"""Learning rate schedulers by name, `NAME[:KEY=VALUE,KEY=VALUE…]`, as src/training/scheduler.rs
describes them."""

from torch.optim import lr_scheduler

CLASSES = {
    "step": lr_scheduler.StepLR,
    "multistep": lr_scheduler.MultiStepLR,
    "exponential": lr_scheduler.ExponentialLR,
    "cosine": lr_scheduler.CosineAnnealingLR,
    "warm-restarts": lr_scheduler.CosineAnnealingWarmRestarts,
    "constant": lr_scheduler.ConstantLR,
    "polynomial": lr_scheduler.PolynomialLR,
    "linear": lr_scheduler.LinearLR,
    "one-cycle": lr_scheduler.OneCycleLR,
    "plateau": lr_scheduler.ReduceLROnPlateau,
}
INTEGERS = {"step_size", "T_max", "T_0", "T_mult", "total_iters", "patience"}


def build(text, optimizer, epochs, batches):
    """The scheduler, for training of so many epochs of so many batches; None without a text."""
    if text is None:
        return None
    name, _, arguments = text.partition(":")
    if name not in CLASSES:
        raise ValueError(f"--scheduler {text}: expected one of {', '.join(CLASSES)}")
    kwargs = dict(argument.split("=", 1) for argument in arguments.split(",") if argument)
    kwargs = {key: value_of(key, value) for key, value in kwargs.items()}
    if name == "cosine":
        kwargs.setdefault("T_max", epochs)
    if name == "polynomial":
        kwargs.setdefault("total_iters", epochs)
    if name == "one-cycle":
        kwargs.setdefault("max_lr", optimizer.param_groups[0]["lr"])
        kwargs["total_steps"] = epochs * batches
    return CLASSES[name](optimizer, **kwargs)


def value_of(key, text):
    if key == "milestones":
        return [int(number) for number in text.split("+")]
    return int(text) if key in INTEGERS else float(text)


def after_batch(scheduler):
    if isinstance(scheduler, lr_scheduler.OneCycleLR):
        scheduler.step()


def after_epoch(scheduler, mean_loss):
    if isinstance(scheduler, lr_scheduler.ReduceLROnPlateau):
        scheduler.step(mean_loss)
    elif scheduler and not isinstance(scheduler, lr_scheduler.OneCycleLR):
        scheduler.step()
