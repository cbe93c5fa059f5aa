"""The Lightning module and its data: one network, one loss, and a record of every epoch."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningDataModule, LightningModule
from torch import Tensor, nn
from torch.utils.data import DataLoader

from ...jobs.durations import in_words
from .appearance import change_appearance
from .augment import augment_batch
from .batches import Batch, make_loader
from .options import FitOptions
from .record import BEST_FILE, DONE_FILE, METRICS_FILE, write_history, write_json, write_weights

LAST_WORD = 2**63 - 1


@dataclass(frozen=True)
class Task:
    """What is learnt.

    Args:
        loss: network and batch to (scalar loss, logits).
        score: logits and batch to how good each image's answer is, 0 to 1, shape (N,).
        score_name: what the mean of the scores is called.
        report: takes a line per epoch.
        groups: gives the optimiser's groups of parameters, some with a rate of their own; one group if not given.
    """

    loss: Callable[[nn.Module, Batch], tuple[Tensor, Tensor]]
    score: Callable[[Tensor, Batch], Tensor]
    score_name: str
    report: Callable[[str], None] | None = None
    groups: Callable[[nn.Module], list[dict[str, Any]]] | None = None


class FitData(LightningDataModule):
    """Training images in a new order each epoch, shared among the devices; each device sees all validation images."""

    def __init__(
        self, train: Batch, validation: Batch | None, options: FitOptions, weights: Tensor | None = None
    ) -> None:
        super().__init__()
        self.train, self.validation, self.options, self.weights = train, validation, options, weights

    def train_dataloader(self) -> DataLoader[Any]:
        """Return the batches of this device."""
        trainer = self.trainer
        return make_loader(
            self.train,
            self.options,
            shuffle=True,
            replicas=trainer.world_size,
            rank=trainer.global_rank,
            weights=self.weights,
        )

    def val_dataloader(self) -> list[DataLoader[Any]]:
        """Return the validation batches, none without validation images."""
        return [] if self.validation is None else [make_loader(self.validation, self.options, shuffle=False)]


class Tally:
    """Sums of loss and score over the batches of an epoch."""

    def __init__(self) -> None:
        self.sums: Tensor | None = None

    def add(self, loss: Tensor, scores: Tensor) -> None:
        """Add a batch: its mean loss and the scores of its images."""
        count = len(scores)
        sums = torch.stack(
            [loss.detach().double() * count, scores.detach().double().sum(), loss.new_tensor(count).double()]
        )
        self.sums = sums if self.sums is None else self.sums + sums

    def means(self, strategy: Any) -> tuple[float, float]:
        """Return mean loss and score over the images of all devices, and start again."""
        assert self.sums is not None
        loss, score, count = strategy.reduce(self.sums, reduce_op="sum").tolist()
        self.sums = None
        return loss / count, score / count


class FitModule(LightningModule):
    """Trains a network and keeps, besides Lightning's checkpoint, the history and the best weights in ``folder``."""

    def __init__(self, network: nn.Module, task: Task, options: FitOptions, folder: Path) -> None:
        super().__init__()
        self.network, self.task, self.options, self.folder = network, task, options, folder
        self.history: list[dict[str, float]] = []
        self.best_epoch = 0
        self.train_tally, self.validation_tally = Tally(), Tally()
        self.validated: dict[str, float] = {}
        self.begin, self.epochs_before = time.monotonic(), 0

    def on_train_start(self) -> None:
        """Start the clock that estimates the remaining time."""
        self.begin, self.epochs_before = time.monotonic(), self.current_epoch

    def configure_optimizers(self) -> dict[str, Any]:
        """Return the optimiser and the rate of every step."""
        options = self.options
        parameters: list[Any] = [parameter for parameter in self.network.parameters() if parameter.requires_grad]
        if self.task.groups is not None:
            parameters = self.task.groups(self.network)
        kinds: dict[str, Any] = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}
        extra = {"momentum": options.momentum} if options.optimizer == "sgd" else {}
        optimiser = kinds[options.optimizer](
            parameters, lr=options.learning_rate, weight_decay=options.weight_decay, **extra
        )
        steps = int(self.trainer.estimated_stepping_batches)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: options.rate_factor(step, steps))
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_train_epoch_start(self) -> None:
        """Seed dropout by the epoch, so that a resumed run draws what an uninterrupted one draws."""
        torch.manual_seed(self._seed(self.current_epoch))

    def _seed(self, *numbers: int) -> int:
        seed = self.options.seed
        for number in (self.global_rank, *numbers):
            seed = (seed * 1_000_003 + number + 1) % LAST_WORD
        return seed

    def training_step(self, batch: Batch, index: int) -> Tensor:
        """Return the loss of a batch after random changes."""
        if self.options.augmentation != "none":
            generator = torch.Generator().manual_seed(self._seed(self.current_epoch, index))
            batch = augment_batch(batch, self.options.augmentation, generator)
            if self.options.augmentation == "strong":
                batch = batch._replace(images=change_appearance(batch.images, generator))
        return self._observe(batch, self.train_tally)

    def validation_step(self, batch: Batch, _index: int) -> None:
        """Count loss and score of a batch."""
        self._observe(batch, self.validation_tally)

    def _observe(self, batch: Batch, tally: Tally) -> Tensor:
        images = batch.images.contiguous(memory_format=torch.channels_last)
        batch = batch._replace(images=images)
        loss, logits = self.task.loss(self.network, batch)
        tally.add(loss, self.task.score(logits.detach(), batch))
        return loss

    def on_validation_epoch_end(self) -> None:
        """Log the validation figures, which early stopping monitors."""
        loss, score = self.validation_tally.means(self.trainer.strategy)
        self.validated = {"loss": loss, self.task.score_name: score}
        self.log_dict(self.validated)

    def on_train_epoch_end(self) -> None:
        """Write history and, if this is the best epoch, weights; the checkpoint is written after this."""
        loss, score = self.train_tally.means(self.trainer.strategy)
        trained = {"train_loss": loss, f"train_{self.task.score_name}": score}
        rate = float(self.trainer.optimizers[0].param_groups[0]["lr"])
        self.log_dict(trained | {"learning_rate": rate})
        row = {"epoch": float(self.current_epoch + 1), "learning_rate": rate} | trained | self.validated
        self.history.append(row)
        better = not self.best_epoch or self._rank(row) > self._rank(self.history[self.best_epoch - 1])
        if better:
            self.best_epoch = self.current_epoch + 1
        if self.trainer.is_global_zero:
            if better:
                write_weights(self.folder / BEST_FILE, self.network)
            write_history(self.folder / METRICS_FILE, self.history)
            if self.task.report is not None:
                self.task.report(self._line(row))

    def _rank(self, row: dict[str, float]) -> tuple[float, ...]:
        """Order epochs: without validation the later one is better, a loss that is not finite never is."""
        if not self.validated:
            return (row["epoch"],)
        loss, score = (-row["loss"] if row["loss"] == row["loss"] else -float("inf")), row[self.task.score_name]
        return (loss,) if self.options.monitor == "loss" else (score, loss)

    def _line(self, row: dict[str, float]) -> str:
        name = self.task.score_name
        line = f"epoch {self.current_epoch + 1} of {self.options.epochs}: loss {row['train_loss']:.4f}, "
        line += f"{name} {row[f'train_{name}']:.3f}"
        if self.validated:
            line += f"; validation loss {row['loss']:.4f}, {name} {row[name]:.3f}"
        best = " (best so far)" if self.validated and self.best_epoch == self.current_epoch + 1 else ""
        done = self.current_epoch + 1
        seconds = (time.monotonic() - self.begin) * (self.options.epochs - done) / (done - self.epochs_before)
        return line + best + (f"; about {in_words(seconds)} left" if done < self.options.epochs else "")

    def on_train_end(self) -> None:
        """Mark the folder as finished."""
        if self.trainer.is_global_zero:
            values = {"best_epoch": self.best_epoch, "epochs": len(self.history)}
            write_json(self.folder / DONE_FILE, values)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the history with Lightning's checkpoint."""
        checkpoint["record"] = {"history": self.history, "best_epoch": self.best_epoch}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the history from Lightning's checkpoint."""
        self.history = [dict(row) for row in checkpoint["record"]["history"]]
        self.best_epoch = int(checkpoint["record"]["best_epoch"])
