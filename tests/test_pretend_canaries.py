"""Proof that the pretend device notes what a GPU would refuse, wait for and copy, and computes what a CPU does."""

import copy
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from pretend_device import CUDA, Pretend, pretend_device

from nfield.core.moving import sent
from nfield.core.seeding import generator


def here() -> torch.Tensor:
    return torch.arange(4.0)


def there() -> torch.Tensor:
    return here().to(CUDA)


def in_place() -> None:
    tensor = torch.zeros(())
    tensor += there().sum()


def put(values: torch.Tensor) -> None:
    there()[:2] = values
    there()[there() > 2] = values


REFUSED: dict[str, Callable[[], Any]] = {
    "sums of both": lambda: here() + there(),
    "a row on the CPU beside a number on the device, in place": in_place,
    "a number that is stacked": lambda: torch.stack([there().sum(), here().sum()]),
    "rows of the CPU by an index on the device": lambda: here()[there().long()],
    "values of the CPU put by an index": lambda: there().index_put((there().long(),), here()),
    "equality": lambda: torch.equal(here(), there()),
    "products": lambda: there()[None] @ here()[:, None],
    "a generator of the CPU": lambda: torch.rand(3, device=CUDA, generator=torch.Generator()),
}
ALLOWED: dict[str, Callable[[], Any]] = {
    "numbers of the CPU": lambda: there() * here().sum() + torch.where(there() > 1, there(), here().max()),
    "a filling number": lambda: there().masked_fill(there() > 1, here().max()),
    "rows named from the CPU": lambda: there()[torch.tensor([0, 2])],
    "a number put by a mask": lambda: put(here().sum()),
    "copies": lambda: there().copy_(here()) is here().copy_(there()),
    "random numbers that are sent": lambda: torch.rand(4, generator=generator(0)).to(CUDA) + there(),
}


@pytest.mark.parametrize("name", REFUSED)
def test_mixtures_are_noted(name: str) -> None:
    with pretend_device() as pretend:
        REFUSED[name]()
    assert pretend.ledger.count("mixture") == 1, pretend.ledger.told("mixture")


@pytest.mark.parametrize("name", ALLOWED)
def test_what_cuda_allows_is_no_mixture(name: str) -> None:
    with pretend_device() as pretend:
        ALLOWED[name]()
    assert pretend.ledger.count("mixture") == 0, pretend.ledger.told("mixture")


@pytest.mark.parametrize(
    ("waits", "call"),
    [
        (0, lambda t: (t + 1).sum()),
        (1, lambda t: float(t.sum())),
        (1, lambda t: bool((t > 1).any())),
        (1, lambda t: t.tolist()),
        (1, lambda t: t.cpu()),
        (1, lambda t: torch.zeros(4).copy_(t)),
        (1, lambda t: t[t > 1]),
        (1, lambda t: (t > 1).nonzero()),
        (1, lambda t: t.unique()),
        (2, lambda t: t.long().bincount()),
        (1, lambda t: torch.equal(t, t)),
        (1, lambda t: t.repeat_interleave(t.long())),
        (0, lambda t: t.repeat_interleave(t.long(), output_size=6)),
        (6, lambda t: torch.linalg.matrix_exp(t.reshape(2, 2))),
    ],
)
def test_waits_are_counted(waits: int, call: Callable[[torch.Tensor], Any]) -> None:
    with pretend_device() as pretend:
        tensor = there()
        call(tensor)
    assert pretend.ledger.count("wait") == waits, pretend.ledger.told("wait")


@pytest.mark.parametrize(
    ("uploads", "blocking", "call"),
    [
        (0, 0, lambda: torch.zeros(3, device=CUDA)),
        (1, 1, lambda: here().to(CUDA)),
        (1, 1, lambda: torch.tensor([1.0], device=CUDA)),
        (1, 0, lambda: here().to(CUDA, non_blocking=True)),
        (1, 0, lambda: sent(here(), CUDA)),
        (1, 1, lambda: torch.zeros(4, device=CUDA).copy_(here())),
        (1, 1, lambda: torch.zeros(4, device=CUDA)[[0, 2]]),
        (1, 1, lambda: torch.zeros(4, device=CUDA)[torch.tensor([0, 2])]),
        (1, 1, lambda: torch.zeros(4, device=CUDA).new_tensor([1.0])),
        (1, 1, lambda: here().to(CUDA).to(CUDA)),
    ],
)
def test_uploads_are_counted(uploads: int, blocking: int, call: Callable[[], Any]) -> None:
    with pretend_device() as pretend:
        call()
    assert (pretend.ledger.count("upload"), pretend.ledger.count("blocking")) == (uploads, blocking)


@pytest.mark.parametrize(
    ("kernels", "atomics", "call"),
    [
        (2, 0, lambda t: (t + 1).sum()),
        (0, 0, lambda t: t.reshape(2, 2).T[None, :1].detach().to(CUDA)),
        (1, 1, lambda t: t.index_add(0, t.long(), t)),
        (1, 0, lambda t: t.long().index_add(0, t.long(), t.long())),
        (1, 1, lambda t: t.index_put((t.long(),), t, accumulate=True)),
        (1, 0, lambda t: t.index_put((t.long(),), t)),
        (1, 0, lambda t: torch._foreach_add([t, t], 1)),
    ],
)
def test_kernels_and_atomic_sums_are_counted(kernels: int, atomics: int, call: Callable[[torch.Tensor], Any]) -> None:
    with pretend_device() as pretend:
        call(there())
    # To whole numbers, which the operators take for rows.
    converted = pretend.ledger.events["kernel"]["_to_copy @ elsewhere"]
    assert pretend.ledger.count("kernel") - converted == kernels, pretend.ledger.told("kernel")
    assert pretend.ledger.count("atomic") == atomics


def test_events_name_the_lines_of_nfield_and_calls_have_ledgers_of_their_own() -> None:
    from nfield.rendering import composite

    def summed(pretend: Pretend) -> torch.Tensor:
        samples = composite.Packed(rays=2, ray=torch.tensor([0, 0, 1, 1]).to(CUDA), distance=there(), length=there())
        return composite.along_rays(there(), samples)

    with pretend_device() as pretend, pretend.calls_of(composite, "along_rays", skip=1) as ledger:
        for _ in range(3):
            summed(pretend)
    (place,) = ledger.events["atomic"]
    assert place.startswith("index_add @ rendering/composite.py:")
    assert ledger.calls == 2
    assert ledger.each("atomic") == 1
    assert pretend.ledger.count("atomic") == 3


def test_arrays_are_refused_as_by_cuda() -> None:
    with pretend_device():
        for convert in (lambda t: t.numpy(), np.asarray):
            with pytest.raises(TypeError, match="to numpy"):
                convert(there())


def test_uninitialised_numbers_are_no_luck() -> None:
    with pretend_device():
        assert torch.zeros(3, device=CUDA).new_empty(3).cpu().isnan().all()


def test_training_is_the_cpus_bit_by_bit() -> None:
    def trained(device: torch.device) -> list[np.ndarray]:
        draw = generator(0)
        network = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1)).double()
        for parameter in network.parameters():
            parameter.data = torch.rand(parameter.shape, generator=draw, dtype=torch.float64)
        known = list(network.parameters())
        network.to(device).to(torch.float32)
        points = torch.rand(16, 2, generator=draw).to(device)
        optimizer = torch.optim.Adam(known, fused=True)
        for _ in range(3):
            optimizer.zero_grad()
            network(points).square().sum().backward()
            optimizer.step()
        twin, saved = copy.deepcopy(network), io.BytesIO()
        torch.save(twin.state_dict(), saved)
        saved.seek(0)
        return [v.numpy() for v in torch.load(saved, map_location="cpu", weights_only=True).values()]

    with pretend_device() as pretend:
        found = trained(CUDA)
    assert pretend.ledger.count("mixture") == 0
    for a, b in zip(found, trained(torch.device("cpu")), strict=True):
        np.testing.assert_array_equal(a, b)


def test_inside_vmap_tensors_are_on_the_device() -> None:
    with pretend_device():
        seen = []

        def looked(row: torch.Tensor) -> torch.Tensor:
            seen.append((row.device, row.is_cuda))
            return row * 2

        found = torch.func.vmap(looked)(there()[:, None])
        assert seen == [(CUDA, True)]
        assert found.cpu().tolist() == [[0.0], [2.0], [4.0], [6.0]]


def test_nothing_is_left_behind() -> None:
    before = torch.cuda.is_available(), torch.cuda.device_count()
    with pretend_device():
        tensor = there()
        assert tensor.is_cuda
        assert torch.cuda.is_available()
    assert (torch.cuda.is_available(), torch.cuda.device_count()) == before
    assert here().device == torch.device("cpu")
    with pytest.raises(RuntimeError, match="outside of it"):
        tensor + 1
