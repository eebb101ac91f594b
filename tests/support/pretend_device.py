"""A CUDA device without a GPU: tensors that say `cuda:0` and hold their numbers on the CPU.

Inside `pretend_device()` every operator of torch passes through `_Watch`, which computes it on the CPU and notes what
it would have been on a GPU. C++ takes the tensors for ones on `meta`, as a torch without CUDA has no guard for CUDA
devices. Hence autocast leaves them alone: what is bfloat16 on a GPU is float32 here. Nothing runs asynchronously, and
times mean nothing.
"""

import collections
import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

import nfield

CUDA = torch.device("cuda:0")
KINDS = {
    "mixture": "operators over tensors of both devices, which CUDA refuses",
    "kernel": "operators that start work on the GPU",
    "wait": "results that the CPU waits for",
    "upload": "copies to the GPU",
    "blocking": "those of them that the CPU waits for",
    "atomic": "sums of floats whose order, and so last digits, change from run to run",
}
"""What is noted."""
PACKAGE = str(Path(nfield.__file__).parent)
EMPTY = {"empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided"}
"""Operators whose numbers may be any: they are made NaN, or too small to be rows."""
INDEXING = {"index", "index_put", "index_put_", "_index_put_impl_", "_unsafe_index"}
COPIES = {"copy_", "_foreach_copy_", "_to_copy"}
FILLS = {"fill", "fill_", "masked_fill", "masked_fill_"}
"""Operators that take a number on the CPU as elementwise ones do, but lack their tag."""
WAITS = {"bincount": 2, "_linalg_eigh": 1, "linalg_matrix_exp": 6}
"""How often operators wait that are not marked as depending on data, or wait more than once."""
DEPENDING = {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape}
ATOMIC = {
    *("index_add", "index_add_", "scatter_add", "scatter_add_", "scatter_reduce", "scatter_reduce_", "put_", "histc"),
    *("_embedding_bag_dense_backward", "embedding_dense_backward", "grid_sampler_2d_backward"),
    *("avg_pool2d_backward", "max_pool3d_with_indices_backward", "upsample_bilinear2d_backward"),
}


class Remote(torch.Tensor):
    """A tensor on the pretend device, whose numbers are `here`."""

    __torch_function__ = torch._C._disabled_torch_function_impl
    here: torch.Tensor

    @staticmethod
    def __new__(cls, here: torch.Tensor) -> "Remote":
        strided = here.layout == torch.strided
        memory = {"strides": here.stride(), "storage_offset": here.storage_offset()} if strided else {}
        made = torch.Tensor._make_wrapper_subclass(
            cls, here.shape, dtype=here.dtype, layout=here.layout, device="meta", **memory
        )
        made.here = here
        return made

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise RuntimeError(f"{func} on a tensor of the pretend device outside of it")

    # What C++ answers for tensors on `meta`.

    def to(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        if args and isinstance(args[0], torch.Tensor):
            args = (args[0].device, args[0].dtype, *args[1:])
        device, dtype, _, _ = torch._C._nn._parse_to(*args, **{k: v for k, v in kwargs.items() if k != "copy"})
        stays = (device is None or device.type == "cuda") and dtype in (None, self.dtype)
        return self if stays and not kwargs.get("copy") else super().to(*args, **kwargs)

    def __getitem__(self, index: Any) -> torch.Tensor:
        return super().__getitem__(_sent(index))

    def __setitem__(self, index: Any, value: Any) -> None:
        super().__setitem__(_sent(index), value)

    def new_tensor(self, data: Any, *, dtype: torch.dtype | None = None, **_: Any) -> torch.Tensor:
        return torch.tensor(data, dtype=dtype or self.dtype).to(CUDA)

    def tolist(self) -> Any:
        return self.cpu().tolist()

    def numpy(self, *_: Any, **__: Any) -> Any:
        raise TypeError("can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() first.")

    __array__ = numpy

    def __deepcopy__(self, memo: dict[int, Any]) -> "Remote":
        made: Any = self.detach().clone()
        if getattr(self, "_is_param", False):
            made = torch.nn.Parameter(made, self.requires_grad)
        memo[id(self)] = made
        return made

    def __reduce_ex__(self, protocol: Any) -> Any:
        # Checkpoints are opened with `map_location="cpu"`.
        return self.here.detach().__reduce_ex__(protocol)

    def __repr__(self, **_: Any) -> str:  # type: ignore[override]
        return f"Remote({self.here!r})"


def _sent(index: Any) -> Any:
    """An index whose lists are on the device."""
    if isinstance(index, tuple):
        return tuple(map(_sent, index))
    if not isinstance(index, (list, np.ndarray)):
        return index
    rows = torch.as_tensor(index)
    return (rows if rows.dtype == torch.bool else rows.long()).to(CUDA)


class Ledger:
    """What was noted: how often, by kind, operator and line."""

    def __init__(self) -> None:
        self.events: dict[str, collections.Counter[str]] = {kind: collections.Counter() for kind in KINDS}
        self.calls = 0
        """Of the function that it was kept for."""

    def count(self, kind: str) -> int:
        """Events of a kind."""
        return sum(self.events[kind].values())

    def each(self, kind: str) -> float:
        """Events of a kind per call."""
        return self.count(kind) / max(self.calls, 1)

    def told(self, kind: str, most: int = 20) -> str:
        """The most frequent events of a kind, one to a line."""
        return "\n".join(f"{count:8d}  {what}" for what, count in self.events[kind].most_common(most))


class _Watch(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.ledgers = [Ledger()]

    def note(self, kind: str, what: str, count: int = 1) -> None:
        for ledger in self.ledgers if count else ():
            ledger.events[kind][what] += count

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs, name = kwargs or {}, func._schema.name.split("::")[1]
        leaves = tree_leaves((args, kwargs))
        remote = [leaf for leaf in leaves if isinstance(leaf, Remote)]
        local = [leaf for leaf in leaves if isinstance(leaf, torch.Tensor) and not isinstance(leaf, Remote)]
        device = next((leaf for leaf in leaves if isinstance(leaf, torch.device)), None)
        ends_there = bool(remote) if device is None else device.type in ("cuda", "meta")
        if remote or ends_there:
            self._look(func, name, args, kwargs, remote, local, ends_there)

        def brought(leaf: Any) -> Any:
            if isinstance(leaf, Remote):
                return leaf.here
            return torch.device("cpu") if isinstance(leaf, torch.device) and ends_there else leaf

        found = func(*tree_map(brought, args), **tree_map(brought, kwargs))
        if not ends_there:
            return found
        if name in EMPTY and found.dtype != torch.bool:
            found.fill_(torch.nan if found.is_floating_point() else torch.iinfo(found.dtype).min)
        # What is changed in place stays the same object.
        known = {id(tensor.here): tensor for tensor in remote} | {id(tensor): tensor for tensor in local}

        def taken(leaf: Any) -> Any:
            if not isinstance(leaf, torch.Tensor):
                return leaf
            return known[id(leaf)] if id(leaf) in known else Remote(leaf)

        return tree_map(taken, found)

    def _look(
        self, func: Any, name: str, args: Any, kwargs: Any, remote: list[Any], local: list[Any], ends_there: bool
    ) -> None:
        what = f"{name} @ {_line()}"
        drawn = kwargs.get("generator")
        if drawn is not None and drawn.device.type == "cpu":
            self.note("mixture", f"generator of the CPU: {what}")
        if remote and local and _is_mixture(func, name, args, local):
            self.note("mixture", what)
        if name in COPIES and (local or not ends_there):
            blocks = not kwargs.get("non_blocking", name == "copy_" and len(args) > 2 and args[2])
            arrives = isinstance(args[0], Remote) if name == "copy_" else ends_there
            self.note("upload" if arrives else "wait", what)
            self.note("blocking", what, arrives and blocks)
            return
        if name == "_local_scalar_dense":
            self.note("wait", what)
            return
        if not (func.is_view or name in EMPTY or name in ("_unsafe_view", "resize_", "set_")):
            self.note("kernel", what)
        if name in INDEXING:
            rows = [index for index in args[1] if isinstance(index, torch.Tensor)]
            sent = sum(not isinstance(index, Remote) for index in rows) if isinstance(args[0], Remote) else 0
            self.note("upload", what, sent)
            self.note("blocking", what, sent)
            self.note("wait", what, sum(index.dtype == torch.bool for index in rows))
        elif name in WAITS:
            self.note("wait", what, WAITS[name])
        elif DEPENDING & set(func.tags) and kwargs.get("output_size") is None:
            self.note("wait", what)
        summed = name in ATOMIC or (name in INDEXING and len(args) > 3 and args[3])
        self.note("atomic", what, bool(summed) and any(tensor.is_floating_point() for tensor in remote))


def _line() -> str:
    """The innermost two lines of nfield that are being run."""
    frame, found = sys._getframe(3), []
    while frame is not None and len(found) < 2:
        name = frame.f_code.co_filename
        if name.startswith(PACKAGE):
            found.append(f"{name[len(PACKAGE) + 1 :]}:{frame.f_lineno}")
        frame = frame.f_back  # type: ignore[assignment]
    return " < ".join(found) or "elsewhere"


def _is_mixture(func: Any, name: str, args: Any, local: list[torch.Tensor]) -> bool:
    """Whether CUDA refuses an operator on tensors of its own beside these on the CPU."""
    if name in COPIES:
        return False
    if name in INDEXING:
        # Rows may be named from the CPU, and a number that is put there may come from it.
        values = [v for v in args[2:3] if isinstance(v, torch.Tensor) and not isinstance(v, Remote) and v.ndim]
        return not isinstance(args[0], Remote) or bool(values)
    if func._schema.is_mutable and any(tensor is args[0] for tensor in local):
        return True
    takes_numbers = torch.Tag.pointwise in func.tags or name in FILLS
    return any(tensor.ndim > 0 or not takes_numbers for tensor in local)


class Pretend:
    """What a test asks of the pretend device."""

    def __init__(self, watch: _Watch) -> None:
        self._watch = watch
        self.ledger = watch.ledgers[0]
        """Of everything."""

    @contextlib.contextmanager
    def calls_of(self, owner: Any, name: str, skip: int = 0) -> Iterator[Ledger]:
        """A ledger of what is noted within calls of a function, but for the first ones."""
        old, ledger, seen = getattr(owner, name), Ledger(), [0]

        def counted(*args: Any, **kwargs: Any) -> Any:
            seen[0] += 1
            if seen[0] <= skip:
                return old(*args, **kwargs)
            ledger.calls += 1
            self._watch.ledgers.append(ledger)
            try:
                return old(*args, **kwargs)
            finally:
                self._watch.ledgers.remove(ledger)

        setattr(owner, name, counted)
        try:
            yield ledger
        finally:
            setattr(owner, name, old)


@contextlib.contextmanager
def pretend_device() -> Iterator[Pretend]:
    """While this lasts `cuda:0` can be used."""
    kind: Any = torch._C.TensorBase.device
    answers: dict[Any, dict[str, Any]] = {
        torch.cuda: {
            "is_available": lambda: True,
            "device_count": lambda: 1,
            "get_device_name": lambda *_: "pretend GPU",
            "is_bf16_supported": lambda *_, **__: True,
            "synchronize": lambda *_: None,
            "_lazy_init": lambda: None,
        },
        # Of all tensors, as `torch.func.vmap` hides a pretend one in one of its own.
        torch.Tensor: {
            "device": property(lambda self: CUDA if kind.__get__(self).type == "meta" else kind.__get__(self)),
            "is_cuda": property(lambda self: kind.__get__(self).type == "meta"),
            "is_meta": property(lambda self: False),
        },
    }
    with contextlib.ExitStack() as stack:
        for owner, named in answers.items():
            for name, answer in named.items():
                undo = (setattr, owner, name, vars(owner)[name]) if name in vars(owner) else (delattr, owner, name)
                stack.callback(*undo)
                setattr(owner, name, answer)
        # Numbers are sent as on CUDA and not left out as on `meta`; parameters of a module that is moved stay the same.
        stack.callback(torch._C._set_only_lift_cpu_tensors, torch._C._only_lift_cpu_tensors())
        torch._C._set_only_lift_cpu_tensors(True)
        swap = torch.__future__.get_swap_module_params_on_conversion()
        stack.callback(torch.__future__.set_swap_module_params_on_conversion, swap)
        torch.__future__.set_swap_module_params_on_conversion(True)
        yield Pretend(stack.enter_context(_Watch()))
