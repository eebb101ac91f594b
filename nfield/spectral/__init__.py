"""Which frequencies a signal holds, and which of them a network has learned; for arrays and callables alike."""

from nfield.spectral.advice import ScaleAdvice as ScaleAdvice
from nfield.spectral.advice import advise as advise
from nfield.spectral.advice import advise_image as advise_image
from nfield.spectral.arrays import sample_on_grid as sample_on_grid
from nfield.spectral.bands import BandErrors as BandErrors
from nfield.spectral.bands import octave_bands as octave_bands
from nfield.spectral.curves import CurveBandErrors as CurveBandErrors
from nfield.spectral.errors import fourier_coefficients as fourier_coefficients
from nfield.spectral.errors import fourier_error as fourier_error
from nfield.spectral.errors import magnitude_only_error as magnitude_only_error
from nfield.spectral.filtering import FilterErrors as FilterErrors
from nfield.spectral.filtering import filter_errors as filter_errors
from nfield.spectral.filtering import low_pass as low_pass
from nfield.spectral.order import OrderStatistic as OrderStatistic
from nfield.spectral.order import order_spearman as order_spearman
from nfield.spectral.order import time_to_threshold as time_to_threshold
from nfield.spectral.projection import principal_direction as principal_direction
from nfield.spectral.projection import projection_error as projection_error
from nfield.spectral.projection import projection_spectrum as projection_spectrum
from nfield.spectral.spectrum import PowerSpectrum as PowerSpectrum
from nfield.spectral.spectrum import hann_window as hann_window
from nfield.spectral.spectrum import nyquist as nyquist
from nfield.spectral.spectrum import power_spectrum as power_spectrum
