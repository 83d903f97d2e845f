/* What every page shares: elements without markup strings, number formatting, theme, state in the address bar, copy. */
(function () {
  "use strict";
  const MISSING = "—";
  const MINUS = "\u2212";
  const Site = (window.Site = {});

  /* The only way pages make elements: text is always a text node, so no value can become markup. */
  Site.el = function (name, attributes, ...children) {
    const vector = name === "svg" || name === "path";
    const made = vector ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (key === "on") for (const [event, act] of Object.entries(value)) made.addEventListener(event, act);
      else if (key === "css") for (const [property, to] of Object.entries(value)) made.style.setProperty(property, to);
      else made.setAttribute(key, value === true ? "" : String(value));
    }
    for (const child of children.flat()) {
      if (child !== null && child !== undefined && child !== false) made.append(child instanceof Node ? child : String(child));
    }
    return made;
  };
  Site.put = function (target, ...children) {
    const element = typeof target === "string" ? document.getElementById(target) : target;
    if (element) element.replaceChildren(...children.flat().map((child) => (child instanceof Node ? child : String(child))));
    return element;
  };

  /* The rules of orchestration/core/site_format.py, for what is computed here. */
  const absent = (value) => value === null || value === undefined || Number.isNaN(value);
  const format = (Site.format = {
    decimal(value, places = 1) {
      if (absent(value)) return MISSING;
      const text = Math.abs(value).toLocaleString("en-US", { minimumFractionDigits: places, maximumFractionDigits: places });
      return value < 0 && /[1-9]/.test(text) ? MINUS + text : text;
    },
    count: (value) => format.decimal(value, 0),
    percent: (value, places = 1) => (absent(value) ? MISSING : format.decimal(value, places) + "%"),
    change(value, places = 1, unit = "") {
      if (absent(value)) return MISSING;
      const text = format.decimal(Math.abs(value), places);
      const sign = !/[1-9]/.test(text) ? "±" : value > 0 ? "+" : MINUS;
      return sign + text + (unit ? " " + unit : "");
    },
    quarter: (quarter) => (quarter.length === 6 ? quarter.slice(0, 4) + " " + quarter.slice(4) : quarter),
    text: (value) => (absent(value) || value === "" ? MISSING : String(value)),
  });
  Site.absent = absent;
  Site.share = (part, whole) => (whole ? (100 * part) / whole : null);

  Site.payload = function () {
    const block = document.getElementById("payload");
    return block ? JSON.parse(block.textContent) : null;
  };

  /* Ids of figures, by the rules of orchestration/core/figures.py: a column of a quarter's row of a table, which the key tells. */
  const escaped = (part) => (absent(part) ? "" : String(part)).replace(/[%.,]/g, (sign) => "%" + sign.charCodeAt(0).toString(16).toUpperCase());
  Site.figures = (domain) => (quarter, table, column, ...key) => [domain, quarter, table, ...(key.length ? [key.map(escaped).join(",")] : []), column].join(".");
  Site.marked = (text, figure) => (figure ? Site.el("span", { "data-figure": figure }, text) : text);

  /* Theme: the reader's preference, or the switch, which is remembered. Storage can be refused; the switch still works. */
  const root = document.documentElement;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const remembered = () => { try { return localStorage.getItem("theme"); } catch { return null; } };
  const redraws = [];
  Site.onTheme = (act) => redraws.push(act);
  Site.theme = () => root.dataset.theme || (dark.matches ? "dark" : "light");
  Site.token = (name) => getComputedStyle(root).getPropertyValue("--" + name).trim();
  function applyTheme(chosen) {
    if (chosen === "light" || chosen === "dark") root.dataset.theme = chosen;
    const button = document.getElementById("theme");
    if (button) button.setAttribute("aria-pressed", String(Site.theme() === "dark"));
    for (const act of redraws) act();
  }
  applyTheme(remembered());
  dark.addEventListener("change", () => applyTheme(null));
  const switcher = document.getElementById("theme");
  if (switcher) switcher.addEventListener("click", () => {
    const next = Site.theme() === "dark" ? "light" : "dark";
    try { localStorage.setItem("theme", next); } catch { /* private window: the choice lasts as long as the page */ }
    applyTheme(next);
  });

  Site.say = function (message) {
    const live = document.getElementById("announce");
    if (live) live.textContent = message;
  };

  /* Filters: every select[data-filter] of the page. What differs from its first value stands after # in the address. */
  Site.filters = function (changed) {
    const selects = [...document.querySelectorAll("select[data-filter]")];
    const first = new Map(selects.map((select) => [select, select.value]));
    const read = () => Object.fromEntries(selects.map((select) => [select.dataset.filter, select.value]));
    function fromAddress() {
      const wanted = new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
      for (const select of selects) {
        const value = wanted.get(select.dataset.filter);
        const known = [...select.options].some((option) => option.value === value);
        select.value = known ? value : first.get(select);
      }
    }
    function update(speak) {
      const differing = selects.filter((select) => select.value !== first.get(select));
      const address = new URLSearchParams(differing.map((select) => [select.dataset.filter, select.value])).toString();
      history.replaceState(null, "", address ? "#" + address : location.pathname + location.search);
      for (const select of selects) select.classList.toggle("is-set", differing.includes(select));
      const narrowing = differing.length;
      Site.put("filter-count", narrowing ? narrowing + " changed" : "");
      changed(read(), speak);
    }
    for (const select of selects) select.addEventListener("change", () => update(true));
    window.addEventListener("hashchange", () => { if (location.hash.includes("=") || !location.hash) { fromAddress(); update(true); } });
    const reset = document.getElementById("reset");
    if (reset) reset.addEventListener("click", () => { for (const select of selects) select.value = first.get(select); update(true); });
    const fold = document.getElementById("filters");
    if (fold && window.matchMedia("(max-width: 640px)").matches) fold.open = false;
    fromAddress();
    update(false);
    return { set(name, value) { for (const select of selects) if (select.dataset.filter === name) { select.value = value; update(true); } } };
  };

  /* The clipboard is refused in some places (a page opened from disk in some browsers): then the address is selected to copy. */
  const copy = document.getElementById("copy-link");
  if (copy) copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(location.href);
      Site.say("Link copied.");
      copy.textContent = "Copied";
      setTimeout(() => { copy.textContent = "Copy link"; }, 1600);
    } catch {
      const field = Site.el("input", { readonly: true, value: location.href, "aria-label": "Link to this view", class: "link-field" });
      copy.after(field);
      field.select();
      field.addEventListener("blur", () => field.remove());
    }
  });
  const print = document.getElementById("print");
  if (print) print.addEventListener("click", () => window.print());
})();
