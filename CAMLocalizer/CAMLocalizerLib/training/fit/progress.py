"""A bar of the batches of an epoch, for terminals."""

from __future__ import annotations

from typing import Any

from lightning.pytorch.callbacks import Callback
from tqdm import tqdm


class EpochBar(Callback):
    """Shows how far the epoch is and disappears with it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.bar: Any = None

    def on_train_epoch_start(self, trainer: Any, _module: Any) -> None:
        """Open the bar."""
        title = f"{self.name}, epoch {trainer.current_epoch + 1} of {trainer.max_epochs}"
        self.bar = tqdm(
            desc=title,
            total=trainer.num_training_batches,
            unit="batch",
            leave=False,
            disable=not trainer.is_global_zero,
        )

    def on_train_batch_end(self, *_arguments: Any) -> None:
        """Move on by a batch."""
        self.bar.update()

    def on_train_epoch_end(self, _trainer: Any, _module: Any) -> None:
        """Close the bar before the epoch's line is printed."""
        self.bar.close()

    def on_exception(self, _trainer: Any, _module: Any, _exception: BaseException) -> None:
        """Leave a clean line."""
        if self.bar is not None:
            self.bar.close()
