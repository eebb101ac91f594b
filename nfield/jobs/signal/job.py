"""The job of signals in stages, as the table of jobs has it."""

from nfield.core.later import later
from nfield.jobs.job import Job, Tuning
from nfield.jobs.signal import source
from nfield.jobs.signal.options import SignalOptions

BASELINE_RATES = (1e-3, 3e-3, 1e-2)

JOB = Job(
    name="signal",
    earlier_names=("stages",),
    verb="fit-signal",
    about="fit samples in stages to the last digits, beside a plain MLP",
    description=(
        "Fit samples of a smooth signal by a sum of networks, each for the residual of those before it, to the last "
        "digits of float64, beside a plain MLP. Functions are fitted from Python: nfield.fit_stages."
    ),
    noun="signal",
    kind="a signal in stages",
    quality="snr",
    options=SignalOptions,
    source=source.Source,
    positional="signal",
    open=source.open_signal,
    given=source.given,
    prepare=later("nfield.jobs.signal.run:prepare"),
    recipe=later("nfield.jobs.signal.run:recipe"),
    content=lambda data: [data.problem.probe.points.numpy(), data.problem.probe.values.numpy()],
    plain=later("nfield.jobs.signal.run:plain"),
    tuning=Tuning(rates=BASELINE_RATES, steps=60),
    entries=later("nfield.jobs.signal.run:entries"),
    same=("settings", "in_dim", "out_dim", "low", "high"),
    earlier=later("nfield.jobs.signal.run:earlier"),
    task=later("nfield.jobs.signal.run:task"),
    build=later("nfield.jobs.signal.run:build"),
    settings=later("nfield.jobs.signal.run:settings"),
    fit=later("nfield.jobs.signal.run:fit"),
    series=later("nfield.jobs.signal.figures:series"),
    measure=later("nfield.jobs.signal.figures:measure"),
    complete=later("nfield.jobs.signal.figures:complete"),
    result=later("nfield.jobs.signal.result:SignalResult"),
    data=lambda run: {"box": run.data.box, "problem": run.data.problem},
    write_outputs=later("nfield.jobs.signal.outputs:write_outputs"),
    rebuild=later("nfield.jobs.signal.recipe:rebuild"),
    reopened=later("nfield.jobs.signal.result:reopened"),
    rows=(("SNR (dB)", "snr", ".1f"), ("relative L2 error", "relative_l2", ".3g")),
    size=source.size,
    page=later("nfield.jobs.signal.page:signal_contents"),
    comparison=later("nfield.reports.compared:compared"),
    render="has no picture to render: evaluate it in Python, by nfield.load",
    export="has no mesh",
)
