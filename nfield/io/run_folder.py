"""The folder of one run: config, history, metrics, checkpoints and outputs.

    config.json                              everything needed to run again
    history.jsonl                            one line per evaluation; each names its run, "field" or "baseline"
    metrics.json                             the final figures
    checkpoint/NAME-STEP.safetensors         weights as evaluated, for readers
    checkpoint/NAME-STEP.state.pt            everything needed to go on training, for `fit`
    outputs/, outputs/snapshots/             pictures, meshes, videos
    report.html

Each file of a checkpoint carries the checksum of its own content, so that neither depends on the other.
"""

import contextlib
import hashlib
import io
import json
import os
import re
import shutil
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import torch

from nfield.core.checks import UserError, finite_or_none
from nfield.io.atomic import remove_temporaries, write_bytes, write_json, writing_error
from nfield.io.json_files import read_json
from nfield.io.lock import NAME as LOCK
from nfield.io.lock import FolderLock
from nfield.io.weights import weight_bytes, weights_of

FILES = ("config.json", "history.jsonl", "metrics.json", "report.html")
FOLDERS = ("checkpoint", "outputs")
KEPT_CHECKPOINTS = 2


class NfieldWarning(UserWarning):
    """Something went wrong that the run can live with."""


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """Training state as read back, on the CPU."""

    step: int
    """Optimiser steps done."""
    state: dict[str, Any]
    """What was handed to `RunFolder.save_checkpoint`."""


class RunFolder:
    """The files of one run. The constructor touches nothing; see `create` and `open`."""

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.config_path = self.path / "config.json"
        self.history_path = self.path / "history.jsonl"
        self.metrics_path = self.path / "metrics.json"
        self.report_path = self.path / "report.html"
        self.checkpoints = self.path / "checkpoint"
        self.config_copy = self.checkpoints / "config.json"
        self.outputs = self.path / "outputs"
        self.snapshots = self.outputs / "snapshots"
        self.is_new = False
        """Whether `create` has made the folder itself, or its content."""
        self.lock = FolderLock(self.path)

    @classmethod
    def create(cls, path: str | Path, *, resume: bool = False) -> "RunFolder":
        """Make the folder of a new run, or with `resume` take up the run that is there.

        The folder has one writer: its lock is held until `lock.release`, or the end of the process. Raises `UserError`
        where another process holds it, or where `path` is a file, holds another run (and `resume` is off) or files that
        no run has written, or cannot be written.
        """
        folder = cls(path)
        try:
            folder.is_new = not folder.path.exists()
            folder.path.mkdir(parents=True, exist_ok=True)
            folder.is_new |= not any(folder.path.iterdir())
            folder._refuse_other_content(resume)
            folder.lock.take()
        except FileExistsError:
            raise UserError(f"'{path}' is a file, but a folder for the run is needed.") from None
        except OSError as error:
            raise writing_error(path, error) from error
        try:
            # Whoever held the lock may just have begun a run here.
            folder._refuse_other_content(resume)
            folder.checkpoints.mkdir(exist_ok=True)
            folder.snapshots.mkdir(parents=True, exist_ok=True)
        except BaseException as error:
            folder.lock.release()
            if isinstance(error, OSError):
                raise writing_error(path, error) from error
            raise
        for part in (folder.path, folder.checkpoints, folder.outputs, folder.snapshots):
            remove_temporaries(part)
        return folder

    def _refuse_other_content(self, resume: bool) -> None:
        """Raise UserError where the folder holds a run that is not to be continued, or files of no run."""
        names = {entry.name for entry in self.path.iterdir()}
        foreign = sorted(name for name in names - {*FILES, *FOLDERS} if not name.startswith("."))
        if foreign and "config.json" not in names:
            raise UserError(
                f"'{self.path}' holds other files (such as '{foreign[0]}') and no run. Choose a new or an empty folder."
            )
        begun = names & set(FILES) or ("checkpoint" in names and any(self.checkpoints.iterdir()))
        if begun and not resume:
            raise UserError(f"'{self.path}' already holds a run. Continue it with --resume, or choose another folder.")

    @classmethod
    def of_finished(
        cls,
        path: str | Path,
        config: dict[str, Any],
        history: list[dict[str, Any]],
        fields: Mapping[str, torch.nn.Module | None],
        step: int,
    ) -> "RunFolder":
        """A new folder with all of a finished run but its outputs and metrics, which make it complete.

        `fields` are the modules by run, None where a run has none. Raises `UserError` as `create` does.
        """
        folder = cls.create(path)
        folder.write_config(config)
        for line in history:
            folder.append_history(line)
        for run, field in fields.items():
            if field is not None:
                folder.save_weights(run, step, field.state_dict())
        return folder

    @classmethod
    def open(cls, path: str | Path) -> "RunFolder":
        """The folder of a run that exists. Raises `UserError` where there is none."""
        folder = cls(path)
        if not folder.path.is_dir():
            raise UserError(f"'{path}' is not a folder. Name the folder of a run.")
        if not folder.holds_run:
            raise UserError(f"'{path}' holds no run: it has no config.json.")
        return folder

    def discard(self) -> None:
        """Remove what this run has written, and the folder if it was made for it."""
        for name in FILES:
            (self.path / name).unlink(missing_ok=True)
        if self.is_new:
            for name in FOLDERS:
                shutil.rmtree(self.path / name, ignore_errors=True)
            (self.path / LOCK).unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                self.path.rmdir()
        self.lock.release()

    @property
    def holds_run(self) -> bool:
        """Whether a run has been started here."""
        return self.config_path.is_file() or self.config_copy.is_file()

    def read_config(self) -> dict[str, Any]:
        """The run's config, or its copy beside the checkpoints, with a `NfieldWarning`.

        Raises `UserError` where both are missing or damaged.
        """
        try:
            return read_json(self.config_path)
        except UserError as error:
            try:
                found = read_json(self.config_copy)
            except UserError:
                raise error from None
            warnings.warn(f"{error} Its copy in checkpoint/ is used.", NfieldWarning, stacklevel=2)
            return found

    def write_config(self, config: dict[str, Any]) -> None:
        """Write config.json, and a copy beside the checkpoints."""
        write_json(self.config_path, config)
        if self.checkpoints.is_dir():
            write_json(self.config_copy, config)

    def read_metrics(self) -> dict[str, Any] | None:
        """The run's final figures, None while it has not finished. Raises `UserError` where damaged."""
        return read_json(self.metrics_path) if self.metrics_path.is_file() else None

    def write_metrics(self, metrics: dict[str, Any]) -> None:
        """Write metrics.json."""
        write_json(self.metrics_path, metrics)

    # History ------------------------------------------------------------------------------------------

    def append_history(self, line: dict[str, Any]) -> None:
        """Add one line to history.jsonl, after cutting off a line that a killed run left unfinished."""
        data = _history_bytes([line])
        try:
            with open(self.history_path, "ab+") as file:
                file.seek(0)
                content = file.read()
                whole = content.rfind(b"\n") + 1
                if whole < len(content):
                    file.truncate(whole)
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise writing_error(self.history_path, error) from error

    def read_lines(self) -> tuple[list[dict[str, Any]], list[int], bool]:
        """The lines of history.jsonl, the numbers of those that are damaged, and whether the last one is unfinished.

        Raises `UserError` where the file cannot be read.
        """
        if not self.history_path.is_file():
            return [], [], False
        try:
            *written, rest = self.history_path.read_bytes().split(b"\n")
        except OSError as error:
            raise UserError(f"Cannot read '{self.history_path}': {error.strerror}.") from None
        lines, damaged = [], []
        for number, text in enumerate(written, start=1):
            try:
                line = json.loads(text)
            except (ValueError, RecursionError):
                line = None
            if isinstance(line, dict):
                lines.append(line)
            else:
                damaged.append(number)
        return lines, damaged, bool(rest)

    def read_history(self, run: str | None = None) -> list[dict[str, Any]]:
        """The lines of history.jsonl, of one run or of all; an unfinished last line is left out.

        Damaged lines are passed over, with a `NfieldWarning` that counts them.
        """
        lines, damaged, _ = self.read_lines()
        if damaged:
            told = f"'{self.history_path}' is damaged in line {damaged[0]}: {len(damaged)} line(s) are passed over."
            warnings.warn(told, NfieldWarning, stacklevel=2)
        return [line for line in lines if run is None or line.get("run") == run]

    def truncate_history(self, run: str, count: int) -> list[dict[str, Any]]:
        """Keep the first `count` lines of `run` and all lines of other runs; return those kept of `run`.

        Lines that are missing are lost, which a `NfieldWarning` says: the checkpoint suffices to go on.
        """
        own: list[dict[str, Any]] = []
        kept: list[dict[str, Any]] = []
        for line in self.read_history():
            if line.get("run") != run:
                kept.append(line)
            elif len(own) < count:
                own.append(line)
                kept.append(line)
        if len(own) < count:
            told = f"'{self.history_path}' has lost {count - len(own)} of {count} lines of '{run}'. The run goes on."
            warnings.warn(told, NfieldWarning, stacklevel=2)
        if self.history_path.is_file():
            write_bytes(self.history_path, _history_bytes(kept))
        return own

    # Snapshots ----------------------------------------------------------------------------------------

    def save_snapshot(self, run: str, step: int, picture: np.ndarray) -> Path:
        """Save a picture (h, w), (h, w, 1) or (h, w, 3) of uint8 as outputs/snapshots/RUN-STEP.png."""
        from PIL import Image

        if picture.ndim == 3 and picture.shape[2] == 1:
            picture = picture[:, :, 0]
        buffer = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(picture)).save(buffer, "PNG")
        path = self.snapshots / f"{run}-{step:08d}.png"
        write_bytes(path, buffer.getvalue())
        return path

    def list_snapshots(self, run: str) -> list[tuple[int, Path]]:
        """Steps and paths of the pictures of `run`, in the order of the steps."""
        return _numbered(self.snapshots, run, ".png")

    def remove_snapshots(self, run: str, after_step: int) -> None:
        """Remove the pictures of `run` taken after `after_step`."""
        for step, path in self.list_snapshots(run):
            if step > after_step:
                path.unlink(missing_ok=True)

    # Checkpoints --------------------------------------------------------------------------------------

    def save_checkpoint(self, run: str, step: int, *, weights: dict[str, torch.Tensor], state: dict[str, Any]) -> None:
        """Save weights and training state after `step`; of `run`'s checkpoints the newest two stay.

        `state` may hold tensors, numbers, strings, None, lists, tuples and dicts. Checkpoints of later steps
        are removed: they belong to a course of training that has been given up.
        """
        stem = self.checkpoints / f"{run}-{step:08d}"
        self.save_weights(run, step, weights)
        buffer = io.BytesIO()
        torch.save(state, buffer)
        payload = buffer.getvalue()
        # The state comes last: a checkpoint that can be resumed has its weights beside it.
        write_bytes(f"{stem}.state.pt", hashlib.sha256(payload).hexdigest().encode() + b"\n" + payload)
        for suffix in (".state.pt", ".safetensors"):
            saved = _numbered(self.checkpoints, run, suffix)
            current = [entry for entry in saved if entry[0] <= step]
            for entry in saved:
                if entry not in current[-KEPT_CHECKPOINTS:]:
                    entry[1].unlink(missing_ok=True)

    def save_weights(self, run: str, step: int, weights: dict[str, torch.Tensor]) -> None:
        """Save weights alone: enough for every command but --resume."""
        write_bytes(self.checkpoints / f"{run}-{step:08d}.safetensors", weight_bytes(run, step, weights))

    def load_checkpoint(self, run: str) -> Checkpoint | None:
        """The newest intact training state of `run`; None where there is none.

        A damaged one is passed over with a `NfieldWarning`.
        """
        for step, path in reversed(_numbered(self.checkpoints, run, ".state.pt")):
            try:
                digest, _, payload = path.read_bytes().partition(b"\n")
            except OSError as error:
                _warn_damaged(path, str(error.strerror))
                continue
            if hashlib.sha256(payload).hexdigest().encode() != digest:
                _warn_damaged(path, "its checksum does not match")
                continue
            try:
                state = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
            except Exception as error:  # noqa: BLE001  torch raises what it likes for a file of other content
                _warn_damaged(path, f"{type(error).__name__}")
                continue
            return Checkpoint(step=step, state=state)
        if self.has_checkpoint(run):
            warnings.warn(f"No training state of '{run}' is intact: it starts anew.", NfieldWarning, stacklevel=2)
        return None

    def has_checkpoint(self, run: str) -> bool:
        """Whether any checkpoint of `run` was saved, intact or not."""
        return bool(_numbered(self.checkpoints, run, ".safetensors"))

    def load_weights(self, run: str = "field") -> tuple[int, dict[str, torch.Tensor]]:
        """Step and weights (on the CPU) of `run`'s newest intact checkpoint.

        A damaged one is passed over with a `NfieldWarning`. Raises `UserError` where none is left.
        """
        for step, path in reversed(_numbered(self.checkpoints, run, ".safetensors")):
            try:
                return step, weights_of(path.read_bytes())
            except OSError as error:
                _warn_damaged(path, str(error.strerror))
            except (ValueError, KeyError, safetensors.SafetensorError):
                _warn_damaged(path, "its content does not match its checksum")
        raise UserError(
            f"'{self.path}' has no intact checkpoint of '{run}'. Run it again, or continue it with --resume."
        )


def _warn_damaged(path: Path, reason: str) -> None:
    warnings.warn(f"Checkpoint '{path}' is damaged ({reason}) and is passed over.", NfieldWarning, stacklevel=3)


def _numbered(folder: Path, run: str, suffix: str) -> list[tuple[int, Path]]:
    pattern = re.compile(re.escape(run) + r"-(\d{8,})" + re.escape(suffix))
    found = []
    for path in folder.iterdir() if folder.is_dir() else ():
        match = pattern.fullmatch(path.name)
        if match:
            found.append((int(match.group(1)), path))
    return sorted(found)


def _history_bytes(lines: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(finite_or_none(line), allow_nan=False) + "\n" for line in lines).encode()
