// Pictures above one another, uncovered by sliders. Each is built from the figures marked data-slide in its box; the page
// is whole without them.
"use strict";
for (const figure of document.querySelectorAll(".sliding figure.slider")) (() => {
  const sources = [...figure.closest(".sliding").querySelectorAll("img[data-slide]")];
  if (sources.length < 2) return;
  const names = { truth: "Truth", field: "Field", baseline: "Plain MLP" };

  const make = (tag, properties) => Object.assign(document.createElement(tag), properties);
  const chooser = (label, chosen) => {
    const select = make("select", {});
    select.setAttribute("aria-label", label);
    for (const image of sources) {
      const key = image.dataset.slide;
      select.append(make("option", { value: key, textContent: names[key], selected: key === chosen }));
    }
    return select;
  };

  const keys = sources.map((image) => image.dataset.slide);
  const left = chooser("Picture on the left", keys.includes("field") ? "field" : keys[0]);
  const right = chooser("Picture on the right", keys.includes("baseline") ? "baseline" : "truth");
  const below = make("img", {});
  const above = make("img", { className: "above" });
  const range = make("input", { type: "range", min: 0, max: 100, step: 1, value: 50 });
  range.setAttribute("aria-label", "How much of the left picture is shown, in percent");
  const stage = make("div", { className: "stage" });
  const bar = make("div", { className: "divider" });
  stage.append(below, above, bar);
  const caption = make("figcaption", {});
  caption.append(left, make("span", { textContent: " ◂ ▸ " }), right);
  figure.append(stage, range, caption);

  const source = (key) => sources.find((image) => image.dataset.slide === key);
  const draw = () => {
    for (const [image, select] of [[above, left], [below, right]]) {
      const from = source(select.value);
      if (image.src !== from.src) image.src = from.src;
      image.alt = from.alt;
      image.className = from.className + (image === above ? " above" : "");
    }
    above.style.clipPath = `inset(0 ${100 - range.value}% 0 0)`;
    bar.style.left = `${range.value}%`;
  };
  const drag = (event) => {
    const box = stage.getBoundingClientRect();
    range.value = Math.round((100 * (event.clientX - box.left)) / box.width);
    draw();
  };
  stage.addEventListener("pointerdown", (event) => {
    stage.setPointerCapture(event.pointerId);
    drag(event);
  });
  stage.addEventListener("pointermove", (event) => {
    if (stage.hasPointerCapture(event.pointerId)) drag(event);
  });
  for (const control of [range, left, right]) control.addEventListener("input", draw);
  figure.hidden = false;
  draw();
})();
