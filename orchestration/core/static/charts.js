/* Vega charts: drawn near the viewport, in the colours of the theme, with a tooltip that knows only text. */
(function () {
  "use strict";
  const { el } = Site;
  /* vega-embed clears its element by assigning the empty text, which Trusted Types counts as markup: allow that alone. */
  if (window.trustedTypes && window.trustedTypes.createPolicy) {
    window.trustedTypes.createPolicy("default", { createHTML: (text) => (text === "" ? "" : null) });
  }
  const charts = new Set();
  Site.SHAPES = ["circle", "square", "diamond", "triangle-up", "triangle-down", "cross", "triangle-right", "triangle-left"];
  Site.TONES = ["series-1", "series-2", "series-3", "series-4", "series-5"];

  /* "@name" in a specification or row is the colour --name of the style sheet. */
  function themed(part) {
    if (typeof part === "string") return part.startsWith("@") && /^@[a-z0-9-]+$/.test(part) ? Site.token(part.slice(1)) : part;
    if (Array.isArray(part)) return part.map(themed);
    if (part && typeof part === "object") return Object.fromEntries(Object.entries(part).map(([key, value]) => [key, themed(value)]));
    return part;
  }
  const colored = (rows) => rows.map((row) => ({ ...row, color: row.color ? themed(row.color) : undefined }));

  const tip = el("div", { class: "tip", "aria-hidden": "true", hidden: true });
  document.body.append(tip);
  function tooltip(handler, event, item, value) {
    if (value === null || value === undefined || value === "") { tip.hidden = true; return; }
    tip.textContent = typeof value === "object" ? Object.values(value).join(" · ") : String(value);
    tip.hidden = false;
    const left = Math.min(event.clientX + 14, window.innerWidth - tip.offsetWidth - 8);
    tip.style.left = Math.max(8, left) + "px";
    tip.style.top = Math.max(8, event.clientY - tip.offsetHeight - 12) + "px";
  }

  async function draw(chart) {
    const options = { ast: true, actions: false, renderer: "svg", defaultStyle: false, tooltip };
    const drawing = ++chart.drawing;
    if (chart.result) chart.result.finalize();
    /* The rows are in from the first frame: an axis over no rows has no extent, and Vega warns of it. */
    const spec = themed(chart.spec);
    const drawn = chart.rows;
    spec.data = spec.data.map((set) => (set.name === "table" ? { ...set, values: colored(drawn) } : set));
    const result = await window.vegaEmbed(chart.element, spec, options);
    if (drawing !== chart.drawing) { result.finalize(); return; }
    chart.result = result;
    if (drawn !== chart.rows) await fill(chart);
    chart.element.dataset.ready = "true";
  }
  async function fill(chart) {
    if (!chart.result) return;
    await chart.result.view.resize().data("table", colored(chart.rows)).runAsync();
    chart.element.dataset.ready = "true";
  }
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      seen.unobserve(entry.target);
      for (const chart of charts) if (chart.element === entry.target) draw(chart);
    }
  }, { rootMargin: "240px" });

  /* Put rows into the chart of an element; the first call remembers its specification and waits until it is near. */
  Site.chart = function (id, spec, rows, label) {
    const element = document.getElementById(id);
    if (!element) return;
    element.hidden = !rows.length;
    if (!rows.length) return;
    element.setAttribute("role", "img");
    element.setAttribute("aria-label", label);
    let chart = [...charts].find((known) => known.element === element);
    if (chart) {
      chart.rows = rows;
      fill(chart);
      return;
    }
    chart = { element, spec, rows, drawing: 0, result: null };
    charts.add(chart);
    seen.observe(element);
  };
  Site.onTheme(() => { for (const chart of charts) if (chart.result) draw(chart); });
  window.addEventListener("beforeprint", () => { for (const chart of charts) if (!chart.result) draw(chart); });

  /* Lines with an HTML legend. series: [{name, values, strong}]; more than three lines: the strong ones coloured, others grey. */
  const PATHS = {
    circle: "M7 2a5 5 0 1 0 .01 0z", square: "M2.5 2.5h9v9h-9z", diamond: "M7 1l5 6-5 6-5-6z", "triangle-up": "M7 2l5.5 10h-11z",
    "triangle-down": "M7 12L1.500 2h11z", cross: "M5 2h4v3h3v4H9v3H5V9H2V5h3z", "triangle-right": "M12 7L2 12.500v-11z", "triangle-left": "M2 7l10 5.500v-11z",
  };
  Site.lines = function (id, spec, quarters, series, show, label) {
    const few = series.length <= 3;
    let next = 0;
    const rows = [];
    const items = series.map((line, index) => {
      const vivid = few || line.strong;
      const tone = vivid ? Site.TONES[next++ % Site.TONES.length] : "quiet-line";
      const shape = Site.SHAPES[index % Site.SHAPES.length];
      line.values.forEach((value, at) => {
        if (Site.absent(value)) return;
        const text = line.name + " · " + Site.format.quarter(quarters[at]) + " · " + show(value);
        rows.push({ quarter: Site.format.quarter(quarters[at]), order: at, series: line.name, value, color: "@" + tone, shape, width: vivid ? 2.5 : 1.5, layer: vivid ? 1 : 0, text });
      });
      const last = line.values[line.values.length - 1];
      const mark = el("svg", { viewBox: "0 0 14 14", class: "swatch " + tone, "aria-hidden": "true" }, el("path", { d: PATHS[shape] }));
      return el("li", { class: vivid ? null : "is-quiet" }, mark, line.name, el("b", null, show(last)));
    });
    rows.sort((a, b) => a.layer - b.layer || a.order - b.order);
    Site.put(id + "-legend", rows.length ? items : Site.el("li", { class: "empty" }, "No students match"));
    Site.chart(id, spec, rows, label);
  };
})();
