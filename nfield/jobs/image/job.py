"""The job of images, as the table of jobs has it."""

from nfield.core.later import later
from nfield.jobs.image import source
from nfield.jobs.image.options import ImageOptions
from nfield.jobs.job import Job, Tuning

BASELINE_RATES = (1e-3, 3e-3, 1e-2)

JOB = Job(
    name="image",
    verb="fit-image",
    about="fit a field to an image, beside a plain MLP",
    description=(
        "Fit a coordinate network to an image and show, band by band, which frequencies it has learned, beside a plain "
        "MLP. Without options the settings come from the image. Settings of parts are given with dots: "
        "--encoding.features 2, --backbone.width 128."
    ),
    noun="picture",
    kind="an image",
    options=ImageOptions,
    source=source.Source,
    positional="image",
    open=source.open_image,
    given=source.given,
    finish=later("nfield.jobs.image.outputs:finish"),
    prepare=later("nfield.jobs.image.run:prepare"),
    recipe=later("nfield.jobs.image.run:recipe"),
    content=lambda data: [data.image.pixels, *([] if data.mask is None else [data.mask])],
    plain=later("nfield.jobs.image.run:plain"),
    tuning=Tuning(rates=BASELINE_RATES, steps=60),
    entries=later("nfield.jobs.image.run:entries"),
    same=("image", "masked"),
    task=later("nfield.jobs.image.run:task"),
    build=later("nfield.jobs.image.run:build"),
    settings=later("nfield.jobs.image.run:settings"),
    series=later("nfield.jobs.image.figures:series"),
    measure=later("nfield.jobs.image.figures:measure"),
    complete=later("nfield.jobs.image.figures:spectra"),
    result=later("nfield.jobs.image.result:ImageResult"),
    data=lambda run: {"image": run.data.image},
    write_outputs=later("nfield.jobs.image.outputs:write_outputs"),
    rebuild=later("nfield.jobs.image.recipe:rebuild"),
    rows=(
        ("PSNR (dB)", "psnr", ".2f"),
        ("PSNR held out (dB)", "psnr_heldout", ".2f"),
        ("PSNR outside mask (dB)", "psnr_outside_mask", ".2f"),
        ("SSIM", "ssim", ".4f"),
    ),
    size=source.size,
    page=later("nfield.jobs.image.page:image_contents"),
    comparison=later("nfield.reports.compared:compared"),
    render=later("nfield.jobs.image.outputs:render"),
    export="has no mesh: use nfield render",
    own_options={"render": ("crop",)},
)
