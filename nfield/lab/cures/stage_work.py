"""Arithmetic of stages, counted and not timed, so that a run repeats.

n samples, p trained numbers of a stage, q of its last layer: a pass forward and backward is 6np operations, the normal
equations of a Levenberg-Marquardt step 2np² + p³/3, the last layer's triangle and singular values 4nq² + 22q³. That no
step is ever saved is assumed, which favours what stages are compared with.
"""

from nfield.training.stages import StageRecord, StageSettings


def pass_work(samples: int, parameters: int) -> float:
    """Operations of a pass forward and backward through a network."""
    return 6.0 * samples * parameters


def stage_work(record: StageRecord, settings: StageSettings) -> float:
    """Operations of a stage with one hidden layer and one output."""
    n, p, q = record.samples, record.parameters, record.width + 1
    one_pass = pass_work(n, p)
    last_layer = pass_work(n, q) + 4 * n * q**2 + 22 * q**3
    second_order = one_pass + 2 * n * p**2 + p**3 / 3
    return settings.adam_steps * one_pass + last_layer + settings.refine_steps * second_order
