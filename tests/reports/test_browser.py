"""The pages in a real browser: no console error, no sideways scrolling, every picture decoded, the slider works."""

import pathlib
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from nfield.jobs.comparison import write_comparison
from nfield.jobs.page import write_report

OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--enable-unsafe-swiftshader",  # WebGL without a graphics card; silent only where it is asked for
)  # fmt: skip
WIDTHS = (1280, 400)

SHOWN = "return document.querySelector('.space').dataset.shown"
RESOURCES = "return performance.getEntriesByType('resource').filter((one) => !one.name.startsWith('data:')).length"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("needs Chromium and chromedriver on the path")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    for option in (*OPTIONS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(option)
    options.binary_location = chromium
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    opened = webdriver.Chrome(options=options, service=Service(driver))
    yield opened
    opened.quit()


def look(browser: Any, page: pathlib.Path, width: int) -> dict[str, Any]:
    """Open a page at that width and measure it."""
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(page.as_uri())
    seen = browser.execute_script(
        """
        document.querySelector("details").open = true;
        return {
          wide: document.documentElement.scrollWidth, inner: window.innerWidth,
          pictures: document.images.length,
          undecoded: [...document.images].filter((image) => !image.complete || !image.naturalWidth).length,
          outside: performance.getEntriesByType("resource").filter((one) => !one.name.startsWith("data:")).length,
          smallest: Math.min(...[...document.querySelectorAll("svg.chart text")].map(
            (one) => parseFloat(getComputedStyle(one).fontSize) * one.ownerSVGElement.getScreenCTM().a)),
        }
        """
    )
    seen["console"] = browser.get_log("browser")
    return dict(seen)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("kind", ["finished", "half-finished", "hostile", "comparison"])
def test_page_in_a_browser(browser, make_run, tmp_path: pathlib.Path, kind, width):
    if kind == "comparison":
        runs = [make_run(f"run-{'long-name-' * 8}{index}") for index in range(4)]
        page = write_comparison(runs, tmp_path / "comparison.html")
    elif kind == "hostile":
        long = "x" * 120 + "<img src=x onerror=console.error(1)><script>console.error(2)</script>.png"
        page = write_report(make_run(source=long))
    else:
        page = write_report(make_run(finished=kind == "finished"))
    seen = look(browser, page, width)
    assert seen["console"] == []
    assert seen["inner"] == width
    assert seen["wide"] <= seen["inner"]
    assert seen["pictures"] >= 5
    assert seen["undecoded"] == 0
    assert seen["outside"] == 0
    assert seen["smallest"] >= 9  # pixels


def test_slider_follows_the_keyboard(browser, make_run):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    look(browser, write_report(make_run()), 1280)
    slider = browser.find_element(By.CSS_SELECTOR, "figure.slider input")
    above = browser.find_element(By.CSS_SELECTOR, "figure.slider img.above")
    assert above.value_of_css_property("clip-path") == "inset(0px 50% 0px 0px)"
    slider.send_keys(Keys.HOME)
    assert above.value_of_css_property("clip-path") == "inset(0px 100% 0px 0px)"
    slider.send_keys(Keys.ARROW_RIGHT * 10)
    assert above.value_of_css_property("clip-path") == "inset(0px 90% 0px 0px)"
    truth = browser.find_element(By.CSS_SELECTOR, 'img[data-slide="truth"]').get_attribute("src")
    browser.find_element(By.CSS_SELECTOR, "figure.slider select").send_keys("Truth")
    above = browser.find_element(By.CSS_SELECTOR, "figure.slider img.above")
    assert above.get_attribute("src") == truth


def test_no_slider_with_a_single_picture(browser, make_run):
    run = make_run(baseline=False)
    (run / "outputs/truth.png").unlink()
    look(browser, write_report(run), 1280)
    assert browser.execute_script("return document.querySelector('figure.slider').hidden")


def test_policy_stops_what_would_reach_outside(browser, make_run):
    look(browser, write_report(make_run()), 400)
    blocked = browser.execute_async_script(
        """
        const done = arguments[arguments.length - 1];
        document.addEventListener("securitypolicyviolation", (event) => done(event.effectiveDirective));
        const image = new Image();
        image.onload = () => done("loaded");
        image.src = "https://example.org/outside.png";
        """
    )
    assert blocked == "img-src"


def test_surfaces_can_be_turned_and_switched(browser, make_mesh_run, tmp_path: pathlib.Path):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.wait import WebDriverWait

    page = write_report(make_mesh_run())
    for width in WIDTHS:
        seen = look(browser, page, width)
        assert seen["inner"] == width
        assert seen["wide"] <= seen["inner"]
        assert seen["undecoded"] == 0
        browser.execute_script("document.querySelector('.space').scrollIntoView()")
        WebDriverWait(browser, 60).until(lambda opened: opened.execute_script(SHOWN) == "field")
        browser.switch_to.frame(browser.find_element(By.CSS_SELECTOR, ".space iframe"))
        field = pixels(browser)
        box = browser.execute_script("return [innerWidth, innerHeight]")
        # The surface covers a fair part of the frame, and white is left all around it.
        assert 0.1 < field["covered"] / (box[0] * box[1]) < 0.8
        assert field["rim"] == 0
        buttons = browser.find_elements(By.CSS_SELECTOR, "#choice button")
        assert [button.text for button in buttons] == ["Field", "Plain MLP", "Screened Poisson", "Truth"]
        buttons[1].click()
        assert pixels(browser)["sum"] != field["sum"]
        assert browser.execute_script(RESOURCES) == 0
        browser.switch_to.default_content()
        assert browser.execute_script(RESOURCES) == 0
        WebDriverWait(browser, 60).until(lambda opened: opened.execute_script(SHOWN) == "baseline")
        assert browser.get_log("browser") == []


def pixels(browser: Any) -> dict[str, int]:
    """How many pixels of the viewer's canvas, and of its rim, are not white, and the sum of them all."""
    return dict(
        browser.execute_script(
            """
            renderer.render(scene, camera);
            const gl = renderer.getContext();
            const [width, height] = [gl.drawingBufferWidth, gl.drawingBufferHeight];
            const read = new Uint8Array(4 * width * height);
            gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, read);
            const found = { covered: 0, rim: 0, sum: 0 };
            for (let row = 0; row < height; row++)
              for (let column = 0; column < width; column++) {
                const grey = read[4 * (row * width + column)];
                found.sum += grey;
                if (grey > 250) continue;
                found.covered++;
                found.rim += row === 0 || column === 0 || row === height - 1 || column === width - 1;
              }
            return found;
            """
        )
    )


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("kind", ["half-finished", "damaged", "comparison"])
def test_pages_of_surfaces_in_a_browser(browser, make_run, make_mesh_run, tmp_path: pathlib.Path, kind, width):
    if kind == "half-finished":
        page = write_report(make_mesh_run(finished=False, meshes=()))
    elif kind == "damaged":
        run = make_mesh_run()
        (run / "outputs/mesh.ply").write_bytes(b"ply\nno mesh at all")
        page = write_report(run)
    else:
        page = write_comparison([make_run("image"), make_mesh_run("surface")], tmp_path / "comparison.html")
    seen = look(browser, page, width)
    assert seen["console"] == []
    assert seen["wide"] <= seen["inner"] == width
    assert seen["undecoded"] == 0
    assert seen["outside"] == 0
    assert seen["smallest"] >= 9  # pixels


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("kind", ["finished", "half-finished", "comparison"])
def test_pages_of_views_in_a_browser(browser, make_views_run, tmp_path: pathlib.Path, kind, width):
    if kind == "comparison":
        page = write_comparison([make_views_run("one"), make_views_run("two")], tmp_path / "comparison.html")
    else:
        page = write_report(make_views_run(finished=kind == "finished", size=128))
    seen = look(browser, page, width)
    assert seen["console"] == []
    assert seen["wide"] <= seen["inner"] == width
    assert seen["undecoded"] == 0
    assert seen["outside"] == 0
    assert seen["smallest"] >= 9  # pixels


def test_each_view_has_its_own_slider(browser, make_views_run):
    from selenium.webdriver.common.by import By

    look(browser, write_report(make_views_run()), 1280)
    boxes = browser.find_elements(By.CSS_SELECTOR, ".sliding")
    assert len(boxes) == 3
    for box in boxes:
        own = [one.get_attribute("src") for one in box.find_elements(By.CSS_SELECTOR, "img[data-slide]")]
        above = box.find_element(By.CSS_SELECTOR, "figure.slider img.above")
        assert above.is_displayed()
        assert above.get_attribute("src") == own[1]
