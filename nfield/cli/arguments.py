"""From dataclasses to command-line options, by tyro; with the dotted settings of encodings and backbones."""

import ast
import dataclasses
import inspect
import io
import re
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from contextlib import redirect_stderr
from pathlib import Path
from typing import Annotated, Any, get_type_hints

from nfield.core.checks import UserError, choice
from nfield.io.json_files import read_json
from nfield.jobs.job import Job


def field_help(kind: type) -> dict[str, str]:
    """The docstrings that stand below the fields of a dataclass and of those that it inherits from."""
    found: dict[str, str] = {}
    for one in reversed(kind.__mro__):
        if dataclasses.is_dataclass(one):
            found |= _own_help(one)
    return found


def _own_help(kind: type) -> dict[str, str]:
    body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
    if not isinstance(body, ast.ClassDef):
        raise AssertionError(f"{kind} is not a class")
    return {
        ast.unparse(statement.target): inspect.cleandoc(ast.literal_eval(following.value))
        for statement, following in zip(body.body, body.body[1:], strict=False)
        if isinstance(statement, ast.AnnAssign) and isinstance(following, ast.Expr)
    }


def parse(kind: type, arguments: Sequence[str], *, verb: str, description: str, default: Any = None) -> Any:
    """An instance of the dataclass from the arguments; a `UserError` of one line where they do not fit."""
    import tyro

    heard = io.StringIO()
    try:
        with redirect_stderr(heard):
            return tyro.cli(
                kind,
                prog=f"nfield {verb}",
                description=description,
                args=list(arguments),
                default=default,
            )
    except SystemExit as stop:
        if stop.code in (0, None):
            sys.stdout.flush()
            raise
        raise UserError(_message(heard.getvalue()) or f"These options of nfield {verb} cannot be read.") from None


def _message(box: str) -> str:
    """What tyro says in its box, without frame, title and the options' help texts."""
    lines = [line.strip(" │╭╰╮╯\t") for line in box.splitlines()]
    told = []
    for line in lines[1:]:
        if line and not line.strip("─"):
            break
        told.append(line)
    return re.sub(r"^Error parsing \w+Config: ", "", " ".join(" ".join(told).split()))


def options_class(
    *sources: type,
    leave_out: Sequence[str] = (),
    choices: Mapping[str, Iterable[str]] | None = None,
    **replaced: Any,
) -> type:
    """A dataclass for the command line with the fields of several, their docstrings as help texts.

    `choices` are listed in the help; that a value is among them is checked where it is used, with a better message.
    """
    import tyro

    members: list[tuple[str, Any, Any]] = []
    for source in sources:
        texts, hints = field_help(source), get_type_hints(source, include_extras=True)
        for field in dataclasses.fields(source):
            if field.name in leave_out:
                continue
            text = texts.get(field.name, "")
            if choices and field.name in choices:
                text += f" One of: {', '.join(choices[field.name])}."
            helped = Annotated[replaced.get(field.name, hints[field.name]), tyro.conf.arg(help=text)]
            default = (
                dataclasses.field(default_factory=field.default_factory)
                if field.default_factory is not dataclasses.MISSING
                else dataclasses.field(default=field.default)
            )
            members.append((field.name, helped, default))
    return dataclasses.make_dataclass("Options", members, kw_only=False)


def take_settings(arguments: Sequence[str], prefix: str) -> tuple[list[str], list[str]]:
    """Split off the options `--PREFIX.NAME VALUE...`, returned without the prefix; the rest comes first."""
    rest: list[str] = []
    taken: list[str] = []
    into: list[str] | None = None
    for token in arguments:
        if token.startswith("--"):
            into = taken if token.startswith(f"--{prefix}.") else rest
            token = f"--{token[len(prefix) + 3 :]}" if into is taken else token
        (rest if into is None else into).append(token)
        if into is not None and "=" in token and token.startswith("--"):
            into = None
    return rest, taken


def read_settings(table: Mapping[str, type], name: str, arguments: Sequence[str], what: str) -> dict[str, Any]:
    """The settings of a part of the table that were given on the command line, and only these."""
    if not arguments:
        return {}
    kind = table[choice(name, table, what)]
    names = {field.name.replace("_", "-"): field.name for field in dataclasses.fields(kind)}
    given = []
    for token in arguments:
        if token.startswith("--"):
            plain = token[2:].split("=")[0].replace("_", "-")
            bare = plain.removeprefix("no-")
            given.append(names[choice(bare if bare in names else plain, names, f"setting of {what} {name}")])
    parsed = parse(kind, arguments, verb=f"(settings of {what} {name})", description="")
    return {field: getattr(parsed, field) for field in given}


def earlier_config(config: str | None, resume: bool, out: str | None) -> dict[str, Any]:
    """What --config or the run that --resume continues says; empty where neither is asked for.

    Raises UserError where there is nothing to read, or --resume has no folder.
    """
    if config is not None:
        return read_json(Path(config))
    if not resume:
        return {}
    if out is None:
        raise UserError("--resume needs --out with the folder of the run to continue.")
    from nfield.io.run_folder import RunFolder  # with torch, which no help needs

    return RunFolder.open(out).read_config()


def stored_options(earlier: Mapping[str, Any], job: Job) -> dict[str, Any]:
    """The options in a config of the job. Raises UserError where it is of another job, or one of them is unknown."""
    task = earlier.get("task", job.name)
    if task != job.name and task not in job.earlier_names:
        raise UserError(f"The config is of a run of task {task!r}, but nfield {job.verb} is for {job.name!r}.")
    stored = earlier.get("options", earlier)
    if not isinstance(stored, dict):
        raise UserError("The config's options are not an object of names and values.")
    for name in stored:
        choice(name, [field.name for field in dataclasses.fields(job.options)], "option in the config file")
    return dict(stored)
