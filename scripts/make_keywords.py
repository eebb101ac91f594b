"""Write nfield/jobs/keywords.py: the options of each job as typed keywords, for editors and type checkers."""

import dataclasses
import types
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from nfield.jobs.table import JOBS

TARGET = Path(__file__).resolve().parents[1] / "nfield" / "jobs" / "keywords.py"

OWN = {"surface": ("normals",)}
"""Options that are parameters of the function itself."""


def spelled(hint: Any) -> str:
    """A type as source text."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return " | ".join(spelled(one) for one in inner)
    if origin is Literal:
        return "Literal[" + ", ".join(f'"{value}"' for value in inner) + "]"
    if origin is not None:
        return f"{origin.__name__}[{', '.join(spelled(one) for one in inner)}]"
    return {type(None): "None", Any: "Any"}.get(hint) or hint.__name__


def source() -> str:
    """The file's text."""
    parts = [
        '"""Options as keywords of the functions that Python users call; written by scripts/make_keywords.py."""\n\n'
        "from typing import Any, Literal, TypedDict\n"
    ]
    for job in JOBS.values():
        hints = get_type_hints(job.options)
        lines = [
            f"    {field.name}: {spelled(hints[field.name])}\n"
            for field in dataclasses.fields(job.options)
            if field.name not in OWN.get(job.name, ())
        ]
        name = job.options.__name__.removesuffix("Options")
        doc = f'    """Fields of `{job.options.__name__}`, whose docstrings tell what they mean."""\n\n'
        parts.append(f"\n\nclass {name}Keywords(TypedDict, total=False):\n{doc}{''.join(lines)}")
    return "".join(parts)


if __name__ == "__main__":
    TARGET.write_text(source())
