"""The image job: batches of pixels, the loss, and the evaluation with its spectral probe."""

import math
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float

from nfield.core.moving import sent
from nfield.core.types import Evaluation, FieldLike
from nfield.fields.corrected import CorrectedField
from nfield.jobs.image.pixels import Pixels, stratified
from nfield.metrics.image import psnr_from_mse
from nfield.spectral.bands import BandErrors
from nfield.spectral.residual import ResidualFigures, residual_on_grid

PROBE_PIXELS = 1 << 18
"""Pixels at which progress is measured during training; larger images are probed in their central part."""
HELD_OUT_PIXELS = 1 << 14
"""Held-out pixels at which progress is measured, evenly spread; the final figure is that of all."""
CHUNK_PIXELS = 1 << 16
SNAPSHOT_SIDE = 256


class PixelBatch(NamedTuple):
    """Pixels to be fitted in one step, either at a tensor product of coordinates or scattered."""

    axes: tuple[torch.Tensor, torch.Tensor] | None
    points: torch.Tensor | None
    target: torch.Tensor
    weight: torch.Tensor | None


def on_grid_in_chunks(
    field: FieldLike, rows: torch.Tensor, columns: torch.Tensor, points: int = CHUNK_PIXELS
) -> Float[torch.Tensor, "rows columns c"]:
    """The field at all pairs of row and column coordinates, in chunks of whole rows."""
    at_once = max(1, points // max(1, len(columns)))
    return torch.cat([field.on_grid((part, columns)) for part in rows.split(at_once)])


class ImageTask:
    """Fit the values of an image's training pixels in the mean square.

    A batch is the tensor product of random rows and random columns, one of each stratum: every batch covers the whole
    picture evenly, and encodings with a tensor-product form evaluate it many times faster than scattered points.
    Where a mask leaves less than half of the pixels, scattered pixels are drawn instead.
    """

    quality_name = "psnr"

    def __init__(
        self, pixels: Pixels, *, batch_pixels: int = 1 << 14, holdout: bool = False, device: torch.device
    ) -> None:
        self.pixels, self.device = pixels, device
        image = pixels.image
        aspect = pixels.rows / pixels.columns
        self.batch_rows = min(pixels.rows, max(1, round(math.sqrt(batch_pixels * aspect))))
        self.batch_columns = min(pixels.columns, max(1, round(batch_pixels / self.batch_rows)))
        self.batch_rows = min(pixels.rows, max(self.batch_rows, round(batch_pixels / self.batch_columns)))
        self._mask = None if pixels.mask is None else torch.from_numpy(np.ascontiguousarray(pixels.mask))
        self._white: torch.Tensor | None = None
        if self._mask is not None and pixels.count < 0.5 * pixels.rows * pixels.columns:
            self._white = self._mask[:: pixels.step, :: pixels.step].reshape(-1).nonzero()[:, 0]
            self._batch_points = min(batch_pixels, len(self._white))
        self._probe_rows, self._probe_columns = self._probe(pixels.step, 0)
        self._truth = self._read(self._probe_rows, self._probe_columns)
        self._probe_mask = None
        if self._mask is not None:
            self._probe_mask = self._mask[self._probe_rows][:, self._probe_columns].to(device)
        self.spacing = pixels.step / max(image.height, image.width)
        self.bands = BandErrors(
            self._truth.cpu().numpy(), spacing=self.spacing, channels_last=True, single_precision=True
        )
        self._heldout: tuple[torch.Tensor, torch.Tensor, torch.Tensor] | None = None
        if holdout:
            rows, columns = self._probe(2, 1)
            stride = math.ceil(math.sqrt(len(rows) * len(columns) / HELD_OUT_PIXELS)) or 1
            rows, columns = rows[::stride], columns[::stride]
            self._heldout = (rows, columns, self._read(rows, columns))

    @property
    def batch_size(self) -> int:
        """Pixels in a batch."""
        return self._batch_points if self._white is not None else self.batch_rows * self.batch_columns

    @property
    def probe_pixels(self) -> int:
        """Pixels at which progress is measured."""
        return len(self._probe_rows) * len(self._probe_columns)

    def truth_array(self) -> Float[np.ndarray, "h w c"]:
        """The image's values over the probe."""
        return self._truth.cpu().numpy()

    @torch.no_grad()
    def probe_array(self, field: FieldLike) -> Float[np.ndarray, "h w c"]:
        """The field's values over the probe."""
        return self.predict(field, self._probe_rows, self._probe_columns).cpu().numpy()

    def compared(self, prediction: Float[np.ndarray, "h w c"]) -> Float[np.ndarray, "h w c"]:
        """A prediction over the probe as band errors take it: outside the mask it counts as right."""
        if self._probe_mask is None:
            return prediction
        return np.where(self._probe_mask.cpu().numpy()[..., None], prediction, self.truth_array())

    def _probe(self, step: int, first: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Indices of rows and columns of the probe: all, or a central part of the picture's own shape."""
        height, width = self.pixels.image.height, self.pixels.image.width
        rows, columns = torch.arange(first, height, step), torch.arange(first, width, step)
        share = math.sqrt(min(1.0, PROBE_PIXELS / max(1, len(rows) * len(columns))))

        def centre(index: torch.Tensor) -> torch.Tensor:
            count = max(min(len(index), 1), int(len(index) * share))
            start = (len(index) - count) // 2
            return index[start : start + count]

        return centre(rows), centre(columns)

    def _read(self, rows: torch.Tensor, columns: torch.Tensor) -> Float[torch.Tensor, "h w c"]:
        return sent(torch.as_tensor(self.pixels.image.values(rows.numpy(), columns.numpy())), self.device)

    def _axes(self, rows: torch.Tensor, columns: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return (
            sent(self.pixels.row_coordinates(rows), self.device),
            sent(self.pixels.column_coordinates(columns), self.device),
        )

    def batch(self, generator: torch.Generator) -> PixelBatch:
        """Draw pixels at random."""
        pixels, step = self.pixels, self.pixels.step
        if self._white is not None:
            drawn = self._white[torch.randint(len(self._white), (self._batch_points,), generator=generator)]
            rows, columns = drawn // pixels.columns * step, drawn % pixels.columns * step
            target = sent(torch.as_tensor(pixels.image.at(rows.numpy(), columns.numpy())), self.device)
            y, x = self._axes(rows, columns)
            return PixelBatch(None, torch.stack([y, x], -1), target, None)
        rows = stratified(pixels.rows, self.batch_rows, generator) * step
        columns = stratified(pixels.columns, self.batch_columns, generator) * step
        weight = None
        if self._mask is not None:
            weight = sent(self._mask[rows][:, columns], self.device, torch.float32)[..., None]
        return PixelBatch(self._axes(rows, columns), None, self._read(rows, columns), weight)

    def losses(self, field: FieldLike, batch: PixelBatch) -> dict[str, torch.Tensor]:
        """Mean squared error of the batch."""
        if batch.axes is not None:
            prediction = field.on_grid(batch.axes)
        elif batch.points is not None:
            prediction = field(batch.points)
        else:
            raise AssertionError("a batch has axes or points")
        squares = (prediction - batch.target.to(prediction.dtype)).square()
        if batch.weight is None:
            return {"mse": squares.mean()}
        return {"mse": (squares * batch.weight).sum() / (batch.weight.sum() * squares.shape[-1]).clamp(min=1)}

    def predict(self, field: FieldLike, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
        """The field's values, cut to [0, 1], at pairs of row and column indices of the image."""
        y, x = self._axes(rows, columns)
        return on_grid_in_chunks(field, y, x).clamp(0, 1).float()

    def evaluate(self, field: FieldLike) -> Evaluation:
        """PSNR and band errors over the probe, and a picture of it."""
        prediction = self.predict(field, self._probe_rows, self._probe_columns)
        squares = (prediction - self._truth).square().mean(-1)
        if self._probe_mask is not None:
            mse = float(squares[self._probe_mask].mean()) if bool(self._probe_mask.any()) else math.nan
        else:
            mse = float(squares.mean())
        numbers = {}
        if self._heldout is not None:
            rows, columns, truth = self._heldout
            if truth.numel():
                heldout = (self.predict(field, rows, columns) - truth).square().mean()
                numbers["psnr_heldout"] = psnr_from_mse(float(heldout))
        return Evaluation(
            quality=psnr_from_mse(mse),
            band_errors=self.bands(self.compared(prediction.cpu().numpy())),
            numbers=numbers,
            snapshot=self._snapshot(prediction),
        )

    def residual_figures(self, field: FieldLike) -> ResidualFigures:
        """Of the residual over the probe's training pixels."""
        found = on_grid_in_chunks(field, *self._axes(self._probe_rows, self._probe_columns))
        return residual_on_grid((self._truth - found).float(), 2 * self.spacing, self._probe_mask)

    def finish(self, field: FieldLike) -> bool:
        """Give a field that takes corrections what it misses at the training pixels."""
        if not isinstance(field, CorrectedField):
            return False
        pixels, step = self.pixels, self.pixels.step
        stride = -(-pixels.rows // field.nodes[0])
        columns = torch.arange(pixels.columns) * step
        rest = []
        for rows in (torch.arange(pixels.rows) * step).split(stride * max(1, CHUNK_PIXELS // max(1, len(columns)))):
            missing = self._read(rows, columns) - on_grid_in_chunks(field, *self._axes(rows, columns))
            if self._mask is not None:
                missing = missing * self._mask[rows][:, columns].to(self.device)[..., None]
            rest.append(torch.nn.functional.avg_pool2d(missing.movedim(-1, 0), stride, ceil_mode=True).movedim(0, -1))
        field.correct(torch.cat(rest))
        return True

    def _snapshot(self, prediction: torch.Tensor) -> np.ndarray:
        stride = -(-max(prediction.shape[:2]) // SNAPSHOT_SIDE)
        colours = prediction[..., :3] if prediction.shape[-1] >= 3 else prediction[..., :1]
        small = torch.nn.functional.avg_pool2d(
            colours.movedim(-1, 0)[None], min(stride, *prediction.shape[:2]), ceil_mode=True
        )[0].movedim(0, -1)
        return small.mul(255).round().to(torch.uint8).cpu().numpy()
