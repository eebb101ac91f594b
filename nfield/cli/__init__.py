"""The command line: `nfield VERB ...`. Only the verb's own module is imported, so that help comes at once."""

import importlib
import os
import signal
import sys

from nfield.cli.waiting import wait_briefly_where_busy
from nfield.core.checks import RunError, UserError, choice
from nfield.jobs.table import JOBS

VERBS = {
    "render": ("nfield.cli.render", "render a run's field at any resolution or crop"),
    "export": ("nfield.cli.export", "write the mesh of a surface or of views in any format"),
    "report": ("nfield.cli.report", "write a run's report page"),
    "compare": ("nfield.cli.compare", "set several runs side by side on one page"),
    "scan": ("nfield.cli.scan", "sample a mesh as a scanner would"),
    "info": ("nfield.cli.info", "say what a run holds"),
    "lab": ("nfield.cli.lab", "run experiments on what networks learn first"),
    "bench": ("nfield.cli.bench", "measure against peers on this machine"),
}
"""Commands beside those of the jobs."""


LESS = "Use a smaller input, network or batch, or a lower --resolution or --zoom."


def usage() -> str:
    """The help of the command itself."""
    told = {**{job.verb: job.about for job in JOBS.values()}, **{name: text for name, (_, text) in VERBS.items()}}
    verbs = "\n".join(f"  {name:12} {text}" for name, text in told.items())
    return (
        "usage: nfield VERB ...\n\nNeural fields that show their frequencies.\n\n"
        f"verbs:\n{verbs}\n\n'nfield VERB --help' lists a verb's options; 'nfield --version' tells the version.\n"
    )


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns the exit code: 0 done, 1 failed, 2 bad usage or input, 130 interrupted."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        if not arguments or arguments[0] in ("-h", "--help"):
            sys.stdout.write(usage())
            return 0 if arguments else 2
        if arguments[0] == "--version":
            from nfield import __version__

            sys.stdout.write(f"nfield {__version__}\n")
            return 0
        jobs = {job.verb: job for job in JOBS.values()}
        verb, rest = choice(arguments[0], [*jobs, *VERBS], "verb"), arguments[1:]
        if "torch" not in sys.modules and not {"-h", "--help"} & set(rest):
            wait_briefly_where_busy()
        if verb in jobs:
            importlib.import_module("nfield.cli.job").main(jobs[verb], rest)
        else:
            importlib.import_module(VERBS[verb][0]).main(rest)
        sys.stdout.flush()
        return 0
    except UserError as error:
        return _tell(str(error), 2)
    except RunError as error:
        return _tell(str(error), 1)
    except MemoryError:
        return _tell(f"Out of memory. {LESS}", 1)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt as interrupt:
        # From here on a second Ctrl-C has nothing left to interrupt.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        told = str(interrupt) or "Interrupted. A run with --out is continued by the same command with --resume."
        return _tell(told, 130)
    except Exception as error:  # noqa: BLE001  the last net: nobody is shown a traceback
        return _unforeseen(error)


def _unforeseen(error: Exception) -> int:
    """One line for a failure that no message was written for; the traceback goes to a file."""
    import tempfile
    import traceback

    told = " ".join(str(error).split())[:300]
    if "alloc" in told and "memory" in told:
        return _tell(f"Out of memory: {told} {LESS}", 1)
    with tempfile.NamedTemporaryFile("w", prefix="nfield-", suffix=".log", delete=False, encoding="utf-8") as log:
        log.write("".join(traceback.format_exception(error)))
    return _tell(f"Unforeseen {type(error).__name__}: {told or 'no reason given'}. The details are in {log.name}.", 1)


def _tell(message: str, code: int) -> int:
    from nfield.cli.console import printable

    sys.stderr.write(f"nfield: {printable(message)}\n")
    return code
