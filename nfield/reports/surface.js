
// The surfaces that can be turned: their page is unpacked into a frame once it comes into sight.
(() => {
  const space = document.querySelector(".space[data-page]");
  if (!space || !("DecompressionStream" in window)) return;
  const trial = document.createElement("canvas");
  if (!(trial.getContext("webgl2") || trial.getContext("webgl"))) return;

  const unpack = async () => {
    const packed = Uint8Array.from(atob(space.dataset.page), (letter) => letter.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const frame = document.createElement("iframe");
    frame.setAttribute("sandbox", "allow-scripts");
    frame.title = "Surfaces in three dimensions";
    frame.srcdoc = await new Response(stream).text();
    space.replaceChildren(frame);
    window.addEventListener("message", (event) => {
      if (event.source === frame.contentWindow && event.data) space.dataset.shown = event.data.surface;
    });
  };
  const watch = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    watch.disconnect();
    unpack();
  }, { rootMargin: "300px" });
  watch.observe(space);
})();
