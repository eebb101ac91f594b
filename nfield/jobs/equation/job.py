"""The job of differential equations, as the table of jobs has it."""

from nfield.core.later import later
from nfield.jobs.equation import source
from nfield.jobs.equation.options import EquationOptions
from nfield.jobs.job import Job, Tuning

BASELINE_RATES = (1e-3, 3e-3, 1e-2)

JOB = Job(
    name="equation",
    earlier_names=("pde",),
    verb="solve",
    about="solve a differential equation, beside a plain MLP",
    description=(
        "Solve a partial differential equation with a coordinate network and show, band by band, which frequencies it "
        "has found, beside a plain MLP. Give a problem by name, or a Python file that makes one, whose code is run; "
        "without either the names are listed. Settings of parts are given with dots: --backbone.width 128."
    ),
    noun="solution",
    kind="an equation",
    quality="snr",
    options=EquationOptions,
    source=source.Source,
    positional="problem",
    open=source.open_problem,
    given=source.given,
    prepare=later("nfield.jobs.equation.run:prepare"),
    recipe=later("nfield.jobs.equation.run:recipe"),
    content=lambda data: [data.text or data.source],
    plain=later("nfield.jobs.equation.run:plain"),
    tuning=Tuning(rates=BASELINE_RATES, steps=60),
    entries=later("nfield.jobs.equation.run:entries"),
    same=("problem_file",),
    earlier=later("nfield.jobs.equation.run:earlier"),
    task=later("nfield.jobs.equation.run:task"),
    build=later("nfield.jobs.equation.run:build"),
    settings=later("nfield.jobs.equation.run:settings"),
    fit=later("nfield.jobs.equation.run:fit"),
    series=later("nfield.jobs.equation.figures:series"),
    measure=later("nfield.jobs.equation.figures:measure"),
    complete=later("nfield.jobs.equation.figures:complete"),
    result=later("nfield.jobs.equation.result:EquationResult"),
    data=lambda run: {"problem": run.data.problem},
    write_outputs=later("nfield.jobs.equation.outputs:write_outputs"),
    rebuild=later("nfield.jobs.equation.result:rebuild"),
    reopened=later("nfield.jobs.equation.result:reopened"),
    rows=(
        ("relative L2 error", "relative_l2", ".3g"),
        ("largest error", "max_error", ".3g"),
        ("residual", "residual", ".3g"),
    ),
    size=source.size,
    page=later("nfield.jobs.equation.page:solve_contents"),
    comparison=later("nfield.reports.compared:compared"),
    render="has no picture to render: its values are in outputs/solution.npz",
    export="has no mesh: its values are in outputs/solution.npz",
)
