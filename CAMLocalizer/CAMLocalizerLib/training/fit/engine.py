"""run_fit: train in a folder, resume an interrupted run, or load a finished one."""

from __future__ import annotations

import logging
import os
import pickle
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ...core import InputError, ModelError, SettingsError
from .batches import Batch
from .options import FitOptions
from .record import (
    BEST_FILE,
    LAST_FILE,
    FitResult,
    begin,
    data_fingerprint,
    load_weights,
    network_fingerprint,
    read_result,
)

INSTALL = "training needs Lightning; install it with: pip install 'camlocalizer[training]'"
TENSORBOARD = "tensorboard"
PROCESS_VARIABLE = "LOCAL_RANK"


def is_helper_process() -> bool:
    """Return whether Lightning started this process for a further device; the first one alone writes results."""
    return int(os.environ.get(PROCESS_VARIABLE, "0")) > 0


def require_lightning() -> None:
    """See that the extra is installed.

    Raises:
        SettingsError: Lightning or TensorBoard is missing.
    """
    if missing := [name for name in ("lightning", "tensorboard") if find_spec(name) is None]:
        raise SettingsError(f"{INSTALL} ({', '.join(missing)} not found)")


def run_fit(
    network: nn.Module,
    train: Batch,
    validation: Batch | None,
    task: Any,
    options: FitOptions,
    folder: Path,
    weights: Tensor | None = None,
) -> FitResult:
    """Train ``network`` in place; see :func:`CAMLocalizerLib.training.fitting.fit_classifier`."""
    if not len(train.images) or (validation is not None and not len(validation.images)):
        raise InputError("there are no images to train on or to validate with; check the folds")
    if options.patience is not None and validation is None:
        raise SettingsError("patience needs validation images; leave it out or hold a fold out")
    plan = {
        "network": network_fingerprint(network),
        "data": data_fingerprint([*train, *(validation or ()), weights]),
        "loss": task.loss.__qualname__ if hasattr(task.loss, "__qualname__") else type(task.loss).__name__,
        "options": options.recipe(),
    }
    begin(folder, plan)
    result = read_result(folder)
    if result is None:
        _train(network, train, validation, task, options, folder, weights)
        result = read_result(folder)
        if result is None:
            raise ModelError(f"training in {folder} ended before it was finished; run it again to resume")
    load_weights(folder / BEST_FILE, network)
    if not is_helper_process():
        (folder / LAST_FILE).unlink(missing_ok=True)
    network.eval()
    return result


def _train(
    network: nn.Module,
    train: Batch,
    validation: Batch | None,
    task: Any,
    options: FitOptions,
    folder: Path,
    weights: Tensor | None,
) -> None:
    with _quiet(), torch.random.fork_rng(), _interruptible() as outcome:
        from .module import FitData, FitModule

        module = FitModule(network.to(memory_format=torch.channels_last), task, options, folder)  # type: ignore[call-overload]
        trainer = _trainer(task, options, folder, validated=validation is not None)
        outcome.append(trainer)
        trainer.fit(module, datamodule=FitData(train, validation, options, weights), **_resumption(folder))
        trainer.strategy.barrier()  # the first process has written what all of them read next
    network.to("cpu")


def _trainer(task: Any, options: FitOptions, folder: Path, *, validated: bool) -> Any:
    from lightning.pytorch import Trainer
    from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
    from lightning.pytorch.loggers import TensorBoardLogger

    from .progress import EpochBar

    callbacks: list[Any] = [
        ModelCheckpoint(
            folder, Path(LAST_FILE).stem, monitor=None, save_on_train_epoch_end=True, enable_version_counter=False
        )
    ]
    if options.patience is not None:
        monitor, mode = ("loss", "min") if options.monitor == "loss" else (task.score_name, "max")
        callbacks.append(EarlyStopping(monitor, mode=mode, patience=options.patience))
    if sys.stderr.isatty():
        callbacks.append(EpochBar(folder.name))
    return Trainer(
        accelerator=options.accelerator,
        devices=options.devices,
        strategy=options.strategy,
        precision=options.precision,
        max_epochs=options.epochs,
        logger=TensorBoardLogger(folder, name="", version=TENSORBOARD),
        callbacks=callbacks,
        default_root_dir=folder,
        limit_val_batches=1.0 if validated else 0,
        num_sanity_val_steps=0,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        inference_mode=False,  # a loss may need gradients of its own
    )


def _resumption(folder: Path) -> dict[str, Any]:
    """Find the checkpoint to resume from and check that it holds tensors and plain values only."""
    path = folder / LAST_FILE
    if not path.exists():
        return {}
    try:
        torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        text = str(error).splitlines()[0]
        raise ModelError(
            f"{path} is not a checkpoint to resume from ({text}); delete the folder and train again"
        ) from error
    return {"ckpt_path": path, "weights_only": True}


@contextmanager
def _interruptible() -> Iterator[list[Any]]:
    """Let Ctrl+C leave as KeyboardInterrupt; Lightning would end the process and ignore any further one."""
    main = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGINT)
    trainers: list[Any] = []
    try:
        yield trainers
    except SystemExit:
        if trainers and trainers[0].interrupted and not trainers[0].received_sigterm:
            raise KeyboardInterrupt from None
        raise
    finally:
        if main:
            signal.signal(signal.SIGINT, handler)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence Lightning's banners and advice; errors are raised as ever."""
    loggers = [logging.getLogger(name) for name in ("lightning", "lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
