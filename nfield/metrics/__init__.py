"""Figures of merit."""

from nfield.metrics.image import SSIM_TOO_SMALL as SSIM_TOO_SMALL
from nfield.metrics.image import psnr as psnr
from nfield.metrics.image import psnr_from_mse as psnr_from_mse
from nfield.metrics.image import ssim as ssim
