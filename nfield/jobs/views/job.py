"""The job of posed images, as the table of jobs has it."""

from nfield.core.later import later
from nfield.jobs.job import Job, Tuning
from nfield.jobs.views import source
from nfield.jobs.views.options import ViewsOptions

BASELINE_RATES = (3e-4, 1e-3, 3e-3)

JOB = Job(
    name="views",
    verb="render-views",
    about="fit a radiance field to posed images, beside a plain MLP",
    description=(
        "Fit a radiance field to a toy scene or to posed images and render novel views, and show, band by band, "
        "what it has learned of the held-out ones, beside a plain MLP on raw coordinates. Without options the settings "
        "come from the pictures. Depths and cameras are in the units and axes of the input."
    ),
    noun="view",
    kind="views",
    options=ViewsOptions,
    source=source.Source,
    positional="scene",
    open=source.open_source,
    given=source.given,
    prepare=later("nfield.jobs.views.run:prepare"),
    recipe=later("nfield.jobs.views.run:recipe"),
    content=source.content,
    plain=later("nfield.jobs.views.run:plain"),
    tuning=Tuning(rates=BASELINE_RATES, steps=40),
    entries=later("nfield.jobs.views.run:entries"),
    same=("frame", "views"),
    task=later("nfield.jobs.views.run:task"),
    build=later("nfield.jobs.views.run:build"),
    settings=later("nfield.jobs.views.run:settings"),
    counts_setup=False,
    series=later("nfield.jobs.views.figures:series"),
    measure=later("nfield.jobs.views.figures:measure"),
    complete=later("nfield.jobs.views.figures:complete"),
    result=later("nfield.jobs.views.result:ViewsResult"),
    data=lambda run: {"views": run.data.views},
    field=later("nfield.jobs.views.run:scene_field"),
    module=lambda field: field.inner,
    write_outputs=later("nfield.jobs.views.outputs:write_outputs"),
    rebuild=later("nfield.jobs.views.recipe:rebuild"),
    reopened=later("nfield.jobs.views.result:reopened"),
    rows=(
        ("PSNR (dB)", "psnr", ".2f"),
        ("SSIM", "ssim", ".4f"),
        ("depth error", "depth_error", ".4g"),
        ("seconds per view", "seconds_per_view", ".3g"),
    ),
    size=source.size,
    page=later("nfield.jobs.views.page.contents:views_contents"),
    comparison=later("nfield.jobs.views.page.comparison:compared"),
    render=later("nfield.jobs.views.rendering:render"),
    export=later("nfield.jobs.views.export:export"),
    own_options={"render": ("path", "frames", "show"), "export": ("cloud", "points")},
)
