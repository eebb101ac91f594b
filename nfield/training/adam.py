"""Adam and AdamW on torch's fused kernels.

The same mathematics as `torch.optim.Adam` and `AdamW`, whose classes import torch's compiler when they are
first used: two seconds, here 0.02, that a run of ten cannot spare.
"""

from typing import Any

import torch


class Adam:
    """Adam (Kingma & Ba 2015), or with `decoupled` weight decay AdamW (Loshchilov & Hutter 2019).

    `groups` are dicts with 'params'; each gets its learning rate as 'lr'. The fused kernel updates a whole
    group in one pass over memory; it exists for CPUs and CUDA, elsewhere (or with `fused=False`) plain
    operations do the same.
    """

    def __init__(
        self,
        groups: list[dict[str, Any]],
        *,
        betas: tuple[float, float] = (0.9, 0.99),
        epsilon: float = 1e-15,
        weight_decay: float = 0.0,
        decoupled: bool = False,
        fused: bool = True,
    ):
        self.param_groups = [{"lr": 0.0, **group} for group in groups]
        self.betas, self.epsilon = betas, epsilon
        self.weight_decay, self.decoupled = weight_decay, decoupled
        parameters = [p for group in groups for p in group["params"]]
        self.fused = fused and all(p.device.type in ("cpu", "cuda") for p in parameters)
        self._parameters = parameters
        self._means = [torch.zeros_like(p) for p in parameters]
        self._squares = [torch.zeros_like(p) for p in parameters]
        # The kernel wants counts beside the parameters; plain operations want them where reading is free.
        places = [p.device if self.fused else torch.device("cpu") for p in parameters]
        self._counts = [torch.zeros((), dtype=torch.float32, device=place) for place in places]
        self._slot = {id(p): slot for slot, p in enumerate(parameters)}

    @torch.no_grad()
    def step(self) -> None:
        """Take one step; parameters without a gradient stay as they are."""
        for group in self.param_groups:
            slots = [self._slot[id(p)] for p in group["params"] if p.grad is not None]
            if slots and self.fused:
                self._fused_step(slots, group["lr"])
            else:
                for slot in slots:
                    self._plain_step(slot, group["lr"])

    def state_dict(self) -> dict[str, list[torch.Tensor]]:
        """Moments and step counts; the tensors in use, not copies."""
        return {"means": self._means, "squares": self._squares, "counts": self._counts}

    def load_state_dict(self, state: dict[str, list[torch.Tensor]]) -> None:
        """Take over values from `state_dict`."""
        for name, values in self.state_dict().items():
            for value, saved in zip(values, state[name], strict=True):
                value.copy_(saved)

    def _fused_step(self, slots: list[int], rate: float) -> None:
        kernel = torch._fused_adamw_ if self.decoupled else torch._fused_adam_
        counts = [self._counts[slot] for slot in slots]
        torch._foreach_add_(counts, 1)
        kernel(
            [self._parameters[slot] for slot in slots],
            [self._parameters[slot].grad for slot in slots],
            [self._means[slot] for slot in slots],
            [self._squares[slot] for slot in slots],
            [],
            counts,
            lr=rate,
            beta1=self.betas[0],
            beta2=self.betas[1],
            weight_decay=self.weight_decay,
            eps=self.epsilon,
            amsgrad=False,
            maximize=False,
        )

    def _plain_step(self, slot: int, rate: float) -> None:
        parameter, mean, square = self._parameters[slot], self._means[slot], self._squares[slot]
        count = self._counts[slot].add_(1).item()
        gradient = parameter.grad
        if self.decoupled:
            parameter.mul_(1 - rate * self.weight_decay)
        else:
            gradient = gradient + self.weight_decay * parameter
        mean.lerp_(gradient, 1 - self.betas[0])
        square.mul_(self.betas[1]).addcmul_(gradient, gradient, value=1 - self.betas[1])
        mean_factor, square_factor = 1 - self.betas[0] ** count, 1 - self.betas[1] ** count
        parameter.sub_(rate * (mean / mean_factor) / ((square / square_factor).sqrt() + self.epsilon))
