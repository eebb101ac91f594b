"""The job of point clouds, as the table of jobs has it."""

from nfield.core.later import later
from nfield.jobs.job import Job, Tuning
from nfield.jobs.surface import source
from nfield.jobs.surface.options import SurfaceOptions

BASELINE_RATES = (3e-4, 1e-3, 3e-3)

JOB = Job(
    name="surface",
    earlier_names=("mesh",),
    verb="reconstruct",
    about="reconstruct a mesh from a point cloud, beside a plain MLP",
    description=(
        "Reconstruct a mesh from a point cloud by a signed distance, with or without normals, and show, band by band, "
        "which frequencies of the surface have been learned, beside a plain MLP. Without options the settings come "
        "from the points. The result is in the units and axes of the input."
    ),
    noun="surface",
    kind="a surface",
    quality="fit_db",
    options=SurfaceOptions,
    source=source.Source,
    positional="cloud",
    open=source.open_cloud,
    given=source.given,
    finish=source.finish,
    prepare=later("nfield.jobs.surface.run:prepare"),
    recipe=later("nfield.jobs.surface.run:recipe"),
    content=source.content,
    plain=later("nfield.jobs.surface.run:plain"),
    tuning=Tuning(rates=BASELINE_RATES, steps=30, batches=1, clip=1.0),
    entries=later("nfield.jobs.surface.run:entries"),
    same=("loss_weights",),
    task=later("nfield.jobs.surface.run:task"),
    build=later("nfield.jobs.surface.run:build"),
    settings=later("nfield.jobs.surface.run:settings"),
    fit=later("nfield.jobs.surface.run:fit"),
    series=later("nfield.jobs.surface.figures:series"),
    measure=later("nfield.jobs.surface.figures:measure"),
    complete=later("nfield.jobs.surface.figures:complete"),
    result=later("nfield.jobs.surface.result:SurfaceResult"),
    data=later("nfield.jobs.surface.run:data"),
    field=later("nfield.jobs.surface.run:surface_field"),
    module=lambda field: field.network,
    write_outputs=later("nfield.jobs.surface.outputs:write_outputs"),
    rebuild=later("nfield.jobs.surface.recipe:rebuild"),
    rows=(
        ("fit of the points (dB)", "fit_db", ".1f"),
        ("Chamfer / diagonal", "chamfer", ".6f"),
        ("Hausdorff / diagonal", "hausdorff", ".5f"),
        ("F-score", "fscore", ".4f"),
        ("normal consistency", "normal_consistency", ".4f"),
        ("vertices", "vertices", ",d"),
        ("faces", "faces", ",d"),
        ("watertight", "watertight", ""),
    ),
    size=source.size,
    page=later("nfield.jobs.surface.page.contents:mesh_contents"),
    comparison=later("nfield.jobs.surface.page.comparison:compared"),
    render="has no picture to render: use nfield export for its mesh",
    export=later("nfield.jobs.surface.outputs:export"),
    own_options={"export": ("level", "open"), "report": ("up",)},
)
