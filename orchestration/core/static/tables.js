/* Tables: built from columns and rows, sorted by their headings, exported as CSV with formulas defused. */
(function () {
  "use strict";
  const { el, format, absent } = Site;

  function show(column, row) {
    const value = row[column.key];
    return column.format ? column.format(value) : format.text(value);
  }
  function cell(column, row) {
    const value = row[column.key];
    const classes = [column.number && "number", column.heat && !absent(value) && "heat heat-" + column.heat(value, row)];
    const content = [];
    if (column.bar && !absent(value)) {
      const length = Math.max(0, Math.min(100, column.bar(value, row)));
      content.push(el("span", { class: "cell-bar", "aria-hidden": "true" }, el("span", { css: { width: length + "%" } })));
    }
    content.push(show(column, row));
    const tag = column.heading ? "th" : "td";
    const figure = column.figure && !absent(value) ? column.figure(row) : null;
    return el(tag, { class: classes.filter(Boolean).join(" ") || null, scope: column.heading ? "row" : null, "data-figure": figure }, content);
  }
  function ordered(spec) {
    if (!spec.sort) return spec.rows;
    const { key, down } = spec.sort;
    const fixed = spec.rows.filter((row) => row.total);
    const free = spec.rows.filter((row) => !row.total);
    free.sort((one, other) => {
      const a = one[key], b = other[key];
      if (absent(a) || absent(b)) return absent(a) - absent(b);
      const order = typeof a === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });
      return down ? -order : order;
    });
    return [...free, ...fixed];
  }

  /* spec: caption, columns [{key, label, number, heading, format, bar, heat, figure}], rows, sortable, empty. */
  Site.table = function (target, spec) {
    const holder = typeof target === "string" ? document.getElementById(target) : target;
    if (!holder) return;
    spec.sort = spec.sort || (holder.siteTable && holder.siteTable.sort);
    holder.siteTable = spec;
    if (!spec.rows.length) {
      Site.put(holder, el("p", { class: "empty" }, spec.empty || "No students match"));
      return;
    }
    const headings = spec.columns.map((column) => {
      const sorted = spec.sort && spec.sort.key === column.key;
      const direction = sorted ? (spec.sort.down ? "descending" : "ascending") : null;
      const act = () => {
        spec.sort = { key: column.key, down: sorted ? !spec.sort.down : Boolean(column.number) };
        Site.table(holder, spec);
        const again = holder.querySelector('[data-key="' + CSS.escape(column.key) + '"]');
        if (again) again.focus();
        Site.say("Sorted by " + column.label + (spec.sort.down ? ", highest first." : ", lowest first."));
      };
      const button = spec.sortable
        ? el("button", { type: "button", class: "sort", "data-key": column.key, on: { click: act } }, column.label,
          el("span", { "aria-hidden": "true", class: "arrow" }, direction ? (spec.sort.down ? "↓" : "↑") : "↕"))
        : column.label;
      return el("th", { scope: "col", class: column.number ? "number" : null, "aria-sort": direction }, button);
    });
    const body = ordered(spec).map((row) => el("tr", { class: row.total ? "total" : null }, spec.columns.map((c) => cell(c, row))));
    Site.put(holder, el("table", { class: spec.class || null }, el("caption", { class: "unseen" }, spec.caption),
      el("thead", null, el("tr", null, headings)), el("tbody", null, body)));
  };

  /* As orchestration/core/site_downloads.py: a cell that a spreadsheet would run gets an apostrophe, unless a number. */
  Site.defused = (text) => (/^[=+\-@\t\r]/.test(text) && !/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? "'" + text : text);
  function quoted(value) {
    const text = Site.defused(absent(value) ? "" : String(value));
    return /[",\n\r]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
  }
  Site.csv = (spec) => [spec.columns.map((c) => c.label), ...ordered(spec).map((row) => spec.columns.map((c) => row[c.key]))]
    .map((line) => line.map(quoted).join(",")).join("\r\n") + "\r\n";

  for (const button of document.querySelectorAll("[data-csv]")) {
    button.addEventListener("click", () => {
      const holder = document.getElementById(button.dataset.csv);
      if (!holder || !holder.siteTable) return;
      const address = URL.createObjectURL(new Blob(["\ufeff", Site.csv(holder.siteTable)], { type: "text/csv" }));
      const link = el("a", { href: address, download: button.dataset.name || "view.csv" });
      document.body.append(link);
      link.click();
      link.remove();
      setTimeout(() => URL.revokeObjectURL(address), 1000);
      Site.say("The view was saved as CSV.");
    });
  }
  for (const search of document.querySelectorAll("input[data-search]")) {
    search.addEventListener("input", () => {
      const wanted = search.value.trim().toLowerCase();
      for (const part of document.querySelectorAll(search.dataset.search)) {
        part.hidden = wanted !== "" && !part.textContent.toLowerCase().includes(wanted);
        if (part.tagName === "DETAILS" && wanted !== "") part.open = !part.hidden;
      }
    });
  }
  window.addEventListener("beforeprint", () => { for (const part of document.querySelectorAll("details[data-print]")) part.open = true; });
})();
