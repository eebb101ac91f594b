"""Problems written by users: a Python file that makes a `Problem` and calls it `problem`."""

import traceback
from pathlib import Path
from types import ModuleType

from nfield.core.checks import UserError
from nfield.equations.problem import Problem


def read_problem(path: str | Path) -> tuple[Problem, str]:
    """The problem that a file makes, as `problem_from` finds it, and the file's text.

    Raises UserError where the file cannot be read, and as `problem_from` does.
    """
    source = read_text(path)
    return problem_from(source, str(path)), source


def read_text(path: str | Path) -> str:
    """A file's text. Raises UserError where it cannot be read."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"Cannot read '{path}': {getattr(error, 'strerror', None) or 'it is not text'}.") from None


def problem_from(source: str, path: str) -> Problem:
    """The object called `problem` in the text of a file, or what a function of that name returns. Its code is run.

    `path` names the file in messages. Raises UserError with the line where the code raises, and where there is no such
    object.
    """
    module = ModuleType("nfield_user_problem")
    module.__file__ = path
    try:
        exec(compile(source, path, "exec"), module.__dict__)
        found = getattr(module, "problem", None)
        if callable(found):
            found = found()
    except Exception as error:
        raise UserError(f"'{path}'{line_of(error, path)}: {error_text(error)}") from error
    if not isinstance(found, Problem):
        what = "nothing" if found is None else f"a {type(found).__name__}"
        raise UserError(
            f"'{path}' must make a Problem and call it `problem`, but has {what} of that name. "
            "Write: problem = Problem(domain=..., residual=..., conditions=(...,))."
        )
    return found


def error_text(error: Exception) -> str:
    """An error as one line; those that are messages already stay as they are."""
    if isinstance(error, UserError):
        return str(error)
    return f"{type(error).__name__}: {' '.join(str(error).split()) or 'no reason given'}. Correct the file."


def line_of(error: Exception, path: str) -> str:
    """', line N' of the deepest place within the file where the error came from."""
    if isinstance(error, SyntaxError) and error.lineno:
        return f", line {error.lineno}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
    return f", line {lines[-1]}" if lines else ""
