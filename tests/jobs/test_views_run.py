"""Radiance fields from pictures to run folder, on a small toy scene; and the same run again."""

import dataclasses
import json
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from short_runs import run_views

import nfield as nf
from nfield.core.checks import UserError
from nfield.core.views import View, ViewSet
from nfield.fields.scene import ViewFrame
from nfield.io.cameras.view_pictures import picture_name
from nfield.jobs.views.options import PRESETS, ViewsOptions
from nfield.jobs.views.pixels import ViewPixels, over
from nfield.jobs.views.recipe import build_radiance, views_recipe
from nfield.jobs.views.shown import shown_views, size_note
from nfield.jobs.views.task import RadianceTask
from nfield.scenes.scene_files import load_scene
from nfield.scenes.toy_views import toy_views

SMALL = {"encoding": "hash", "encoding_settings": {"levels": 3, "coarsest": 8, "finest": 32, "table_size": 4096}}


@pytest.fixture(scope="module")
def views() -> ViewSet:
    return toy_views(load_scene("checkered-sphere"), 24, 8, 2, supersample=1)


@pytest.fixture(scope="module")
def run(views: ViewSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("views") / "run"
    run_views(views, ViewsOptions(steps=150, samples=4096, evaluations=4, **SMALL), out=out)
    return out


def test_a_toy_scene_is_learned_better_than_by_the_plain_network(run: Path) -> None:
    """After some steps the sphere stands out from its background, and beside it the plain MLP is measured."""
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["psnr"] > 13
    assert metrics["psnr"] > metrics["baseline"]["psnr"]
    assert [view["name"] for view in metrics["per_view"]] == ["test-000", "test-001"]
    assert metrics["psnr"] == pytest.approx(np.mean([view["psnr"] for view in metrics["per_view"]]))
    assert metrics["depth_error"] < 1
    assert metrics["depth_bands"]
    assert metrics["bands"]
    assert {"seconds_fit", "seconds_total", "steps", "parameters", "device", "precision", "seed"} <= set(metrics)


def test_the_run_folder_holds_pictures_of_the_held_out_views(run: Path) -> None:
    names = {"test-000.png", "test-001.png"}
    for folder in ("truth", "views", "baseline", "opacity", "normals"):
        assert {p.name for p in (run / "outputs" / folder).iterdir()} == names
    lines = [json.loads(line) for line in (run / "history.jsonl").read_text().splitlines()]
    assert {line["run"] for line in lines} == {"field", "baseline"}
    assert all("depth_bands" in line for line in lines)


def test_a_loaded_run_renders_what_was_measured(run: Path, views: ViewSet) -> None:
    result = nf.load(run)
    assert isinstance(result, nf.ViewsResult)
    view = views.of("test")[0]
    picture = result.field.picture(torch.from_numpy(view.camera_to_world), view.lens)
    mse = float(np.square(picture.colour.numpy() - over(view.pixels(), (1, 1, 1))).mean())
    assert -10 * np.log10(mse) == pytest.approx(result.metrics["per_view"][0]["psnr"], abs=1e-3)
    assert result.views is not None
    assert len(result.views.of("train")) == 8
    density, colour = result.field(torch.zeros(2, 5, 3), torch.ones(2, 5, 3) / 3**0.5)
    assert density.shape == (2, 5)
    assert colour.shape == (2, 5, 3)
    assert result.field.normals(torch.tensor([[0.0, 0.0, 0.9]])).shape == (1, 3)
    assert len(result.bands) == len(result.metrics["bands"])


def test_an_interrupted_run_goes_on_to_the_same_weights(
    views: ViewSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after a checkpoint and resumed, or never stopped: the same."""
    options = ViewsOptions(steps=24, samples=2048, evaluations=2, baseline=False, checkpoint_seconds=0, **SMALL)
    first = run_views(views, options)
    whole = first.field.state_dict()

    # Progress is then told of every step, also of quick ones.
    monkeypatch.setattr("nfield.training.session.SHOWN_SECONDS", 0)

    class Stop:
        def start(self, run: str) -> None: ...
        def finish(self) -> None: ...
        def warn(self, text: str) -> None: ...
        def info(self, text: str) -> None: ...
        def update(self, *, step: int, fraction: float, loss: float | None, quality: str | None) -> None:
            if step == 12:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_views(views, options, out=tmp_path / "run", progress=Stop())
    again = run_views(views, options, out=tmp_path / "run", resume=True)
    resumed = again.field.state_dict()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    assert again.history[-1]["numbers"] == first.history[-1]["numbers"]
    assert again.history[-1]["numbers"]["rays"] > 0


def test_what_was_fitted_without_a_folder_is_saved_with_its_pictures(views: ViewSet, tmp_path: Path) -> None:
    options = ViewsOptions(steps=4, samples=1024, evaluations=2, baseline=False, frames=2, **SMALL)
    saved = run_views(views, options).save(tmp_path / "saved")
    assert (saved / "outputs" / "video.mp4").stat().st_size > 0
    assert len(list((saved / "outputs" / "normals").iterdir())) == 2


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_takes_its_scales_from_the_pictures(views: ViewSet, preset: str) -> None:
    """Pixels half as large: no setting of a frequency or of a resolution gets smaller, and some get larger."""
    from nfield.jobs.views.frame import understand

    options = ViewsOptions(preset=preset)
    found = understand(views, ViewPixels(views.of("train")), options)
    finer = dataclasses.replace(found, footprint=found.footprint / 2)
    recipes = [views_recipe(options.parts, options, f.footprint) for f in (found, finer)]
    assert recipes[0] != recipes[1] or preset == "none"
    field = build_radiance(recipes[0], 0, len(views.of("train")), found.occupied)
    density, colour = field(torch.rand(7, 3) * 2 - 1, torch.eye(3)[:1].expand(7, 3))
    assert density.shape == (7,)
    assert (density >= 0).all()
    assert ((colour >= 0) & (colour <= 1)).all()
    assert len(field.parameter_groups()) == (2 if preset in ("default",) else 1)


@pytest.mark.parametrize("masked", [False, True])
def test_the_residual_of_pictures(views: ViewSet, masked: bool) -> None:
    """Oracle: an empty field shows the background, so the residual is all that differs from white."""
    from nfield.jobs.views.frame import understand

    used = np.arange(24)[:, None] * np.ones(24, bool) < (9 if masked else 24)
    train = [dataclasses.replace(view, read_mask=(lambda: used) if masked else None) for view in views.of("train")]
    pixels = ViewPixels(train)
    options = ViewsOptions(preset="multistage")
    found = understand(views, pixels, options)
    task = RadianceTask(pixels, train[:1], found.frame)
    field = build_radiance(views_recipe(options.parts, options, found.footprint), 0, len(train), found.occupied)
    field.grid.restrict(torch.zeros_like(found.occupied))
    residual = task.residual_figures(field)
    chosen = [train[i] for i in np.unique(np.linspace(0, len(train) - 1, 4).round().astype(int))]
    truths = [over(view.pixels(), (1.0, 1.0, 1.0))[used] for view in chosen]
    missed, shown = (float(np.mean([np.mean(v**2) for v in values])) for values in ([1 - t for t in truths], truths))
    assert residual.size == pytest.approx((missed / shown) ** 0.5, rel=1e-4)
    # A body a few tenths of the cube wide, over white: less than a cycle per unit or two.
    assert masked or 0 < residual.frequency < 2


def test_stages_of_a_radiance_field_open_in_training(views: ViewSet) -> None:
    options = ViewsOptions(
        preset="multistage", steps=6, baseline=False, samples=1024, frames=0, backbone_settings={"width": 16}
    )
    result = run_views(views, options)
    assert result.field.inner.backbone.opened == 3
    assert result.history[-1]["numbers"]["stage"] == 3


def test_opaque_pictures_without_a_box_make_an_unbounded_scene(views: ViewSet) -> None:
    """The same cameras, with the alpha painted over: all of space is drawn into the cube, and training works."""

    def opaque(view: View) -> View:
        picture = np.round(over(view.pixels(), (0.2, 0.4, 0.6)) * 255).astype(np.uint8)
        return dataclasses.replace(view, read=lambda: picture, read_depth=None)

    painted = ViewSet(views=tuple(map(opaque, views.views)), source="painted")
    options = ViewsOptions(
        steps=10, samples=4096, evaluations=2, baseline=False, distortion_weight=0.01, opacity_weight=0.01, **SMALL
    )
    result = run_views(painted, options)
    assert result.config["frame"]["contracted"]
    assert result.metrics["depth_error"] is None
    assert result.metrics["why"]["depth_error"] == "the true depths are not known"
    assert np.isfinite(result.metrics["psnr"])
    assert set(result.history[-1]["losses"]) == {"mse", "distortion", "opacity"}


@pytest.mark.parametrize("contracted", [True, False])
def test_opaque_pictures_are_learned_before_random_colours_where_nothing_lies_behind(
    views: ViewSet, contracted: bool
) -> None:
    """A scene without bounds fills every ray; where its bounds are known, the background's own colour is right."""
    opaque = [
        dataclasses.replace(view, read=lambda: np.full((24, 24, 3), 90, np.uint8), read_depth=None)
        for view in views.of("train")
    ]
    frame = ViewFrame(middle=(0.0, 0.0, 0.0), scale=1.0, contracted=contracted, step=0.05)
    task = RadianceTask(ViewPixels(opaque), opaque[:1], frame, background=(1.0, 0.5, 0.0))
    behind = task.batch(torch.Generator().manual_seed(0)).background
    if contracted:
        assert (behind.std(0) > 0.2).all()
    else:
        torch.testing.assert_close(behind, torch.tensor([1.0, 0.5, 0.0]).expand_as(behind))


def test_samples_as_nerf_takes_them(views: ViewSet) -> None:
    """Steps of as many rays as the samples suffice for; what is learned with them is rendered with them too."""
    options = ViewsOptions(
        steps=200, samples=4096, evaluations=2, baseline=False, importance=(16, 16), distortion_weight=0.01, **SMALL
    )
    result = run_views(views, options)
    assert result.history[-1]["numbers"]["rays"] == 200 * (4096 // 32)
    assert result.history[-1]["psnr"] > result.history[0]["psnr"] + 2
    assert result.history[-1]["losses"]["distortion"] > 0
    assert tuple(result.config["frame"]["importance"]) == (16, 16)


def test_masked_pixels_are_never_drawn(views: ViewSet) -> None:
    left = np.zeros((24, 24), dtype=bool)
    left[:, :12] = True
    masked = [dataclasses.replace(view, read_mask=lambda: left) for view in views.of("train")]
    pixels = ViewPixels(masked)
    drawn = pixels.draw(2000, torch.Generator().manual_seed(0))
    assert (drawn % 24 < 12).all()
    covered, alpha = pixels.covered(3), masked[3].pixels()[..., 3] > 0
    assert covered[:, 12:].all(), "what is masked may hold anything"
    assert np.array_equal(covered[:, :12].numpy(), alpha[:, :12])
    nothing = [dataclasses.replace(view, read_mask=lambda: ~np.ones((24, 24), dtype=bool)) for view in masked]
    with pytest.raises(UserError, match="leave no pixel"):
        ViewPixels(nothing)


def test_rays_of_pixels_are_those_of_their_views(views: ViewSet) -> None:
    """By projecting: a point along the ray of pixel (row, column) falls on its centre."""
    train = views.of("train")
    pixels = ViewPixels(train)
    number = torch.tensor([0, 25, 576 * 3 + 24 * 5 + 7])
    origin, direction = pixels.rays(number)
    for i, (view, row, column) in enumerate([(0, 0, 0), (0, 1, 1), (3, 5, 7)]):
        pose = torch.from_numpy(train[view].camera_to_world)
        inner = (origin[i] + 2 * direction[i] - pose[:3, 3]) @ pose[:3, :3]
        place = train[view].lens.project(inner)
        torch.testing.assert_close(place, torch.tensor([column + 0.5, row + 0.5], dtype=torch.float64))


def test_pictures_without_anything_are_refused(views: ViewSet) -> None:
    blank = np.zeros((24, 24, 4), np.uint8)
    empty = tuple(dataclasses.replace(view, read=lambda: blank) for view in views.views)
    with pytest.raises(UserError, match="All 8 pictures to learn from are transparent throughout"):
        run_views(dataclasses.replace(views, views=empty))


def test_views_that_are_all_held_out_are_refused(views: ViewSet) -> None:
    with pytest.raises(UserError, match="no view to train on"):
        run_views(ViewSet(views=views.of("test")))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"importance": (0, 8)}, "--importance must be at least 1, but is 0"),
        ({"precision": "float64"}, "not offered for views"),
    ],
)
def test_options_that_cannot_be_are_refused(options: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        ViewsOptions(**options)


def test_names_of_views_become_names_of_files() -> None:
    assert picture_name("images/left/0001.JPG") == "images-left-0001"
    assert picture_name("../x.png") == "x"
    assert picture_name("angle_1.25") == "angle_1.25", "no ending of a picture"


def test_exposures_are_found_out() -> None:
    """Each picture's values times a gain of its own: the gains that are found rise with the true ones.

    Colours may depend on the direction that they are seen along, which takes its share where views are few.
    """
    views = toy_views(load_scene("checkered-sphere"), 24, 20, 1, supersample=1)
    gains = np.random.default_rng(1).permutation(np.linspace(0.55, 1.0, 20))

    def exposed(view: View, gain: float) -> View:
        picture = view.pixels().copy()
        picture[..., :3] = np.round(picture[..., :3] * gain)
        return dataclasses.replace(view, read=lambda: picture)

    train = [exposed(view, gain) for view, gain in zip(views.of("train"), gains, strict=True)]
    changed = dataclasses.replace(views, views=(*train, *(exposed(view, 0.75) for view in views.of("test"))))
    options = ViewsOptions(steps=150, samples=4096, evaluations=2, baseline=False, exposure=True, frames=0, **SMALL)
    result = run_views(changed, options)
    assert result.field.inner.cameras is not None
    found = result.field.inner.cameras.gain_factors().detach().mean(1).numpy()
    assert np.corrcoef(found, gains)[0, 1] > 0.8
    assert np.log(found).std() > 0.3 * np.log(gains).std()
    low, high = result.metrics["cameras"]["gain_stops"]
    assert low < -0.1 < 0.1 < high


def test_errors_of_poses_are_found_out(views: ViewSet, tmp_path: Path) -> None:
    """Cameras turned by about 3 degrees each: after training with correction less of the turns is left."""
    draw = np.random.default_rng(0)
    turns = Rotation.from_rotvec(np.radians(3) * draw.normal(size=(8, 3)) / 3**0.5)
    turns = turns * turns.mean().inv()

    def turned(view: View, turn: Rotation) -> View:
        pose = view.camera_to_world.copy()
        pose[:3, :3] = turn.as_matrix() @ pose[:3, :3]
        return dataclasses.replace(view, camera_to_world=pose)

    train = [turned(view, turn) for view, turn in zip(views.of("train"), turns, strict=True)]
    changed = dataclasses.replace(views, views=(*train, *views.of("test")))
    options = ViewsOptions(
        steps=300,
        samples=4096,
        evaluations=2,
        baseline=False,
        pose_correction=True,
        coarse_first=150,
        frames=0,
        **SMALL,
    )
    result = run_views(changed, options, out=tmp_path / "run")
    assert result.field.inner.cameras is not None
    found = Rotation.from_matrix(result.field.inner.cameras.motions()[0].detach().numpy())
    left, before = np.median((found * turns).magnitude()), np.median(turns.magnitude())
    assert left < 0.7 * before
    frames = json.loads((tmp_path / "run" / "outputs" / "cameras.json").read_text())["frames"]
    poses = np.array([frame["transform_matrix"] for frame in frames])
    corrected = found.as_matrix() @ np.stack([view.camera_to_world[:3, :3] for view in train])
    np.testing.assert_allclose(poses[:, :3, :3], corrected, atol=1e-6)
    assert result.metrics["cameras"]["shift"] > 0


def test_coarse_features_first_need_features_that_differ(views: ViewSet) -> None:
    with pytest.raises(UserError, match="--coarse-first needs an encoding"):
        run_views(views, ViewsOptions(preset="none", coarse_first=10, steps=2))


def test_large_photographs_are_measured_at_a_size_that_is_told(views: ViewSet, tmp_path: Path) -> None:
    """Oracle: blocks of four pixels averaged by numpy; the camera sees the same in half the pixels."""
    plain = dataclasses.replace(views, views=tuple(dataclasses.replace(v, read_depth=None) for v in views.views))
    options = ViewsOptions(steps=2, samples=256, evaluations=2, baseline=False, frames=0, held_out_side=12, **SMALL)
    out = tmp_path / "run"
    result = run_views(plain, options, out=out)
    assert [(v["width"], v["height"]) for v in result.metrics["per_view"]] == [(12, 12)] * 2
    whole, half = plain.of("test")[0], shown_views(plain, 12)[0]
    means = whole.pixels().astype(float)[..., :3].reshape(12, 2, 12, 2, 3).mean((1, 3))
    alpha = whole.pixels()[..., 3] if whole.pixels().shape[2] == 4 else np.full((24, 24), 255)
    solid = (alpha.reshape(12, 2, 12, 2) == 255).all((1, 3))
    assert solid.any()
    np.testing.assert_allclose(half.pixels()[..., :3][solid], means[solid], atol=0.51)
    corner = np.array([6.0, 3.0])
    same = [v.lens.directions(torch.from_numpy(at)) for v, at in ((half, corner), (whole, 2 * corner))]
    torch.testing.assert_close(*same)
    assert iio.imread(out / "outputs/views/test-000.png").shape[:2] == (12, 12)
    assert "24 x 24 pixels are measured at 12 x 12" in (size_note(plain, 12) or "")
    for side in (0, 24, 800):
        assert size_note(plain, side) is None
        assert shown_views(plain, side) == plain.of("test")
    assert shown_views(views, 12) == views.of("test")


def test_masked_pixels_of_held_out_views_are_not_measured(views: ViewSet) -> None:
    """Oracle: the same run with pictures spoiled where masks leave them out; a mask of nothing measures none."""
    half = np.zeros((24, 24), dtype=bool)
    half[:, :12] = True

    def masked(view: View, mask: np.ndarray, spoiled: bool) -> View:
        def read() -> np.ndarray:
            pixels = view.pixels().copy()
            pixels[~mask] = 255 - pixels[~mask] if spoiled else pixels[~mask]
            pixels[~mask, 3:] = 255
            return pixels

        return dataclasses.replace(view, read=read, read_mask=lambda: mask, read_depth=None)

    def measured(mask: np.ndarray, spoiled: bool) -> dict:
        changed = [masked(v, mask, spoiled) if v.split == "test" else v for v in views.views]
        options = ViewsOptions(steps=3, samples=256, evaluations=2, baseline=False, frames=0, **SMALL)
        return run_views(dataclasses.replace(views, views=tuple(changed)), options).metrics

    clean, spoiled = measured(half, False), measured(half, True)
    assert clean["psnr"] == spoiled["psnr"]
    nothing = measured(np.zeros_like(half), False)
    assert nothing["psnr"] is None
    assert "masks leave no pixel" in nothing["why"]["psnr"]


def test_masks_are_made_smaller_with_their_views(views: ViewSet) -> None:
    """Oracle: a pixel is used where all four that it covers are."""
    mask = np.ones((24, 24), dtype=bool)
    mask[5, 8] = False
    plain = [dataclasses.replace(v, read_depth=None, read_mask=lambda: mask) for v in views.views]
    small = shown_views(dataclasses.replace(views, views=tuple(plain)), 12)[0].used()
    assert small is not None
    assert np.argwhere(~small).tolist() == [[2, 4]]
