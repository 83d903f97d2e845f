/* The catalog's search: by the names of tables and columns, with the filters; without it the page is a plain list. */
(function () {
  "use strict";
  const panel = document.getElementById("catalog-search");
  if (!panel) return;
  const words = document.getElementById("catalog-words");
  const named = (element) => element.querySelector("code").textContent.toLowerCase();
  const datasets = [...document.querySelectorAll("details.dataset")].map((element) => ({
    element,
    name: element.id.toLowerCase(),
    rows: [...element.querySelectorAll("tbody tr")].map((row) => ({ row, name: named(row) })),
  }));
  const domains = [...document.querySelectorAll(".catalog-domain")];

  /* Every word is in the table's name, or in the name of one column. */
  function matches(dataset, wanted) {
    const inTable = wanted.every((word) => dataset.name.includes(word));
    const rows = dataset.rows.filter((row) => wanted.every((word) => row.name.includes(word) || dataset.name.includes(word)));
    return { table: inTable, rows: inTable ? [] : rows };
  }
  function show(chosen, speak) {
    const wanted = words.value.toLowerCase().split(/[\s.]+/).filter(Boolean);
    let tables = 0, columns = 0;
    for (const dataset of datasets) {
      const { element } = dataset;
      const kept = Object.entries(chosen).every(([key, value]) => value === "" || element.dataset[key] === value);
      const found = kept ? matches(dataset, wanted) : { table: false, rows: [] };
      element.hidden = !found.table && !found.rows.length;
      for (const { row } of dataset.rows) row.classList.remove("is-found");
      for (const { row } of found.rows) row.classList.add("is-found");
      if (found.rows.length) element.open = true;
      else if (wanted.length) element.open = false;
      tables += !element.hidden;
      columns += found.rows.length;
    }
    for (const domain of domains) domain.hidden = !domain.querySelector("details.dataset:not([hidden])");
    const text = tables + (tables === 1 ? " dataset" : " datasets") + (columns ? ", " + columns + (columns === 1 ? " column" : " columns") : "");
    document.getElementById("catalog-count").textContent = text;
    if (speak) Site.say(text);
  }

  /* A link to a dataset opens it, whatever is searched for. */
  function openLinked(address) {
    const target = address.length > 1 && document.getElementById(decodeURIComponent(address.slice(1)));
    if (!target || !target.matches("details.dataset")) return;
    target.hidden = false;
    target.closest(".catalog-domain").hidden = false;
    target.open = true;
    target.scrollIntoView();
  }
  const linked = location.hash;
  let chosen = {};
  panel.hidden = false;
  Site.filters((values, speak) => { chosen = values; show(values, speak); });
  words.addEventListener("input", () => show(chosen, true));
  document.getElementById("reset").addEventListener("click", () => { words.value = ""; show(chosen, true); });
  if (!linked.includes("=") && linked.length > 1) history.replaceState(null, "", linked);
  openLinked(linked);
  window.addEventListener("hashchange", () => openLinked(location.hash));
})();
