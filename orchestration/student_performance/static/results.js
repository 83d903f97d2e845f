/* The results page: one filter over the exam cube moves every tile, chart and table. */
(function () {
  "use strict";
  const { format, el, share } = Site;
  const data = Site.payload();
  const { cube, quarters, subjects, demographics, schemes } = data;
  const measures = [...subjects, { name: "overall", label: "All subjects" }];
  const NONE = "No students match";
  const figureOf = Site.figures("student_performance");
  const keyOf = (filter) => demographics.map((d) => filter[d.name] || null);
  const viewed = (filter, quarter, column) => figureOf(quarter, "exam_views", column, ...keyOf(filter));
  const meanOf = (name) => (name === "overall" ? "mean_score" : name + "_mean_score");
  const labelOf = (name) => measures.find((measure) => measure.name === name).label;

  function aggregate(filter, quarter) {
    const at = quarters.indexOf(quarter);
    const wanted = demographics.filter((d) => filter[d.name]).map((d) => [cube.groups[d.name], d.values.indexOf(filter[d.name])]);
    const total = { students: 0, passed: 0, sums: {}, bins: {} };
    for (const { name } of measures) { total.sums[name] = 0; total.bins[name] = new Array(10).fill(0); }
    for (let row = 0; row < cube.students.length; row++) {
      if (cube.quarter[row] !== at || wanted.some(([column, value]) => column[row] !== value)) continue;
      total.students += cube.students[row];
      total.passed += cube.passed[row];
      for (const { name } of measures) {
        total.sums[name] += cube.sums[name][row];
        const bins = cube.bins[name][row];
        for (let bin = 0; bin < 10; bin++) total.bins[name][bin] += bins[bin];
      }
    }
    total.mean = (name) => (total.students ? total.sums[name] / total.students : null);
    total.pass = share(total.passed, total.students);
    return total;
  }

  /* The ranges of a scheme under a filter: {labels, counts}, or null where the scheme is not counted for that filter. */
  function ranges(scheme, measure, filter, quarter) {
    if (!scheme.measures.includes(measure)) return null;
    if (scheme.merge) {
      const bins = aggregate(filter, quarter).bins[measure];
      return { labels: scheme.merge.labels, counts: scheme.merge.groups.map((group) => group.reduce((sum, bin) => sum + bins[bin], 0)) };
    }
    const table = (scheme.tables[quarter] || {})[measure];
    const set = demographics.filter((d) => filter[d.name]);
    if (!table || set.length > 1) return null;
    const counts = set.length ? (table.counts[set[0].name] || {})[filter[set[0].name]] : (table.counts.all || {}).all;
    return { labels: table.labels, counts: counts || table.labels.map(() => 0) };
  }

  /* now and then: the column's value in this quarter and in the one before; figure: the id of a column of the view. */
  function tile(label, column, now, then, show, places, unit, figure, before) {
    const difference = Site.absent(now) || Site.absent(then) ? null : now - then;
    const note = difference === null ? [before ? "not available for " + format.quarter(before) : "first quarter loaded"]
      : [Site.marked(format.change(difference, places), figure(column + "_change")), unit + " on " + format.quarter(before)];
    const tone = difference === null || !places || Math.abs(difference) < 0.05 ? "" : difference > 0 ? " up" : " down";
    return el("div", { class: "tile" }, el("p", { class: "tile-label" }, label), el("p", { class: "tile-value" }, Site.marked(show(now), figure(column))), el("p", { class: "tile-note" + tone }, note));
  }
  function tiles(state, filter, now, then, before) {
    const figure = (column) => (now.students ? viewed(filter, state.quarter, column) : null);
    Site.put("tiles", [
      tile("Students", "student_count", now.students, then && then.students, format.count, 0, "", figure, before),
      tile("Passed every subject", "pass_pct", now.pass, then && then.pass, format.percent, 1, " pts", figure, before),
      ...subjects.map(({ name, label }) => tile(label + " mean", meanOf(name), now.mean(name), then && then.mean(name), format.decimal, 1, "", figure, before))]);
  }

  /* at: the range's place from the lowest up, from 0. */
  const rangeFigure = (scheme, measure, filter, quarter, at, column) => figureOf(quarter, "exam_view_ranges", column, ...keyOf(filter), measure, scheme.name, at + 1);
  const heatShare = (value) => Math.min(6, Math.floor(value / 5) + (value > 0 ? 1 : 0));
  function spread(state, filter, scheme, before) {
    const now = ranges(scheme, state.subject, filter, state.quarter);
    const counted = now ? now.counts.reduce((sum, n) => sum + n, 0) : 0;
    const note = document.getElementById("scheme-note");
    const problem = !scheme.measures.includes(state.subject)
      ? scheme.label + " is a rule over all subjects together: choose “All subjects” under Subject."
      : !now ? scheme.label + " is counted for everybody or for one group at a time: keep one of the group filters to see it."
        : !counted ? NONE : "";
    note.textContent = problem;
    note.hidden = !problem;
    document.getElementById("ranges-view").hidden = Boolean(problem);
    Site.put("ranges-title", labelOf(state.subject) + ": how scores spread, by " + (scheme.label.startsWith("Ten") ? scheme.label.charAt(0).toLowerCase() + scheme.label.slice(1) : scheme.label));
    const rows = [];
    if (!problem) {
      const old = before && ranges(scheme, state.subject, filter, before);
      const oldTotal = old ? old.counts.reduce((sum, n) => sum + n, 0) : 0;
      /* Equal-width ranges have other bounds each quarter; a tick of another range would mislead. */
      const comparable = oldTotal > 0 && old.labels.every((label, at) => label === now.labels[at]);
      now.labels.forEach((label, at) => {
        const part = share(now.counts[at], counted);
        const previous = comparable ? share(old.counts[at], oldTotal) : null;
        rows.push({ range: label, order: at, count: now.counts[at], share: part, previous, tick: previous === null ? part : previous, tick_opacity: previous === null ? 0 : 1, furthest: Math.max(part, previous || 0), label: format.percent(part),
          text: label + " · " + format.percent(part) + " · " + format.count(now.counts[at]) + " students" + (previous === null ? "" : " · " + format.percent(previous) + " in " + format.quarter(before)) });
      });
      document.getElementById("ranges-before").hidden = !comparable;
      if (before) Site.put("ranges-before-name", format.quarter(before));
      Site.chart("ranges-chart", data.charts.ranges, rows, "Bars: share of students in each range of " + labelOf(state.subject) + ". The numbers are in the table below.");
    }
    const figure = (column, quarter) => (row) => rangeFigure(scheme, state.subject, filter, quarter, row.order, column);
    Site.table("ranges-table", { caption: "Students in each range", rows, columns: [
      { key: "range", label: "Range", heading: true }, { key: "count", label: "Students", number: true, format: format.count, figure: figure("student_count", state.quarter) },
      { key: "share", label: "Share", number: true, format: format.percent, figure: figure("student_pct", state.quarter) },
      { key: "previous", label: "Quarter before", number: true, format: format.percent, figure: figure("student_pct", before) }] });
    Site.put("ranges-count", problem ? "" : [Site.marked(format.count(counted), viewed(filter, state.quarter, "student_count")), " students"]);
  }

  function rangeMap(state, filter, scheme) {
    const compared = demographics.find((d) => d.name === state.compare);
    const lines = state.rows === "quarters" ? quarters.map((quarter) => [format.quarter(quarter), state.subject, filter, quarter])
      : state.rows === "groups" ? compared.values.filter((v) => !filter[compared.name] || v === filter[compared.name]).map((value) => [value, state.subject, { ...filter, [compared.name]: value }, state.quarter])
        : measures.filter((m) => scheme.measures.includes(m.name)).map((m) => [m.label, m.name, filter, state.quarter]);
    const found = lines.map(([name, ...of]) => [name, ranges(scheme, ...of), of]).filter(([, range]) => range);
    const labels = found.length ? found[0][1].labels : [];
    const same = found.every(([, range]) => range.labels.join() === labels.join());
    const columns = [{ key: "name", label: state.rows === "quarters" ? "Quarter" : state.rows === "groups" ? compared.label : "Subject", heading: true },
      ...labels.map((label, at) => ({ key: "r" + at, label: same ? label : String(at + 1), number: true, heat: heatShare, format: (v) => (v > 0 && v < 0.5 ? "<1" : format.decimal(v, 0)), figure: (row) => rangeFigure(scheme, ...row.of, at, "student_pct") })),
      { key: "students", label: "Students", number: true, format: (n) => (n ? format.count(n) : NONE), figure: (row) => (row.students ? viewed(row.of[1], row.of[2], "student_count") : null) }];
    const rows = found.map(([name, range, of]) => {
      const students = range.counts.reduce((sum, n) => sum + n, 0);
      return { name, students, of, ...Object.fromEntries(range.counts.map((n, at) => ["r" + at, share(n, students)])) };
    });
    document.getElementById("map-numbered").hidden = same;
    Site.table("map-table", { caption: "Share of students in each range, per cent", class: "heat-table", columns, rows, empty: "This scheme is not counted for these filters." });
  }

  function groups(state, filter, before) {
    const compared = demographics.find((d) => d.name === state.compare);
    const values = compared.values.filter((value) => !filter[compared.name] || value === filter[compared.name]);
    const everybody = { ...filter, [compared.name]: "" };
    const all = aggregate(everybody, state.quarter);
    const line = (name, view, total, isAll) => ({ name, view, total: isAll, students: total.students, pass: total.pass, gap: total.students && !isAll ? total.pass - all.pass : null, overall: total.mean("overall"),
      ...Object.fromEntries(subjects.map((s) => [s.name, total.mean(s.name)])) });
    const narrowed = (value) => ({ ...filter, [compared.name]: value });
    const rows = values.map((value) => line(value, narrowed(value), aggregate(narrowed(value), state.quarter)));
    const figure = (column) => (row) => (row.students ? viewed(row.view, state.quarter, column) : null);
    const gapOf = (row) => figureOf(state.quarter, "exam_gaps", "pass_pct_gap", compared.name, ...keyOf(row.view));
    Site.table("groups-table", { caption: "Results by " + compared.label, sortable: true, rows: [...rows, line("All students", everybody, all, true)], columns: [
      { key: "name", label: compared.label, heading: true }, { key: "students", label: "Students", number: true, format: (n) => (n ? format.count(n) : NONE), figure: figure("student_count") },
      ...subjects.map((s) => ({ key: s.name, label: s.label + " mean", number: true, format: format.decimal, figure: figure(meanOf(s.name)) })),
      { key: "overall", label: "All subjects mean", number: true, format: format.decimal, figure: figure("mean_score") },
      { key: "pass", label: "Passed, %", number: true, format: format.decimal, bar: (value) => value, figure: figure("pass_pct") },
      { key: "gap", label: "Against all, pts", number: true, format: format.change, figure: gapOf }] });
    dots(rows);
    for (const place of document.querySelectorAll("[data-compared]")) place.textContent = compared.label.toLowerCase();

    const series = values.map((value) => ({ name: value, figure: (quarter) => viewed(narrowed(value), quarter, "pass_pct"), values: quarters.map((quarter) => {
      const total = aggregate(narrowed(value), quarter);
      return total.students ? total.pass : null;
    }) }));
    const latest = [...series].filter((s) => s.values[quarters.indexOf(state.quarter)] !== null).sort((a, b) => a.values[quarters.indexOf(state.quarter)] - b.values[quarters.indexOf(state.quarter)]);
    for (const s of [latest[0], latest[latest.length - 1]]) if (s) s.strong = true;
    Site.lines("gap-chart", data.charts.pass, quarters, series, format.percent, "Lines: share of students who passed, by quarter and " + compared.label + ". The numbers are in the table below.");
    numbers("gap-table", series, format.decimal);
  }
  function numbers(id, series, shown) {
    Site.table(id, { caption: "The numbers of the chart", columns: [{ key: "quarter", label: "Quarter", heading: true }, ...series.map((s, at) => ({ key: "s" + at, label: s.name, number: true, format: shown, figure: (row) => s.figure(row.id) }))],
      rows: quarters.map((quarter, at) => ({ id: quarter, quarter: format.quarter(quarter), ...Object.fromEntries(series.map((s, i) => ["s" + i, s.values[at]])) })) });
  }

  /* Dots on a line from the lowest to the highest mean: one row a group, one shape and colour a subject. */
  function dots(rows) {
    const known = rows.flatMap((row) => subjects.map((s) => row[s.name])).filter((value) => value !== null);
    const low = Math.floor((Math.min(...known) - 2) / 5) * 5, high = Math.ceil((Math.max(...known) + 2) / 5) * 5;
    const at = (value) => (100 * (value - low)) / (high - low || 1);
    Site.put("dots", rows.map((row) => {
      if (!row.students) return el("div", { class: "dot-row" }, el("p", null, row.name), el("p", { class: "empty" }, NONE));
      const values = subjects.map((s) => row[s.name]);
      const spoken = subjects.map((s) => s.label + " " + format.decimal(row[s.name])).join(", ");
      const track = el("div", { class: "dot-track", role: "img", "aria-label": row.name + ": " + spoken, title: spoken },
        el("span", { class: "dot-span", css: { left: at(Math.min(...values)) + "%", width: at(Math.max(...values)) - at(Math.min(...values)) + "%" } }),
        subjects.map((s, i) => el("span", { class: "dot dot-" + ((i % 5) + 1), css: { left: at(row[s.name]) + "%" } })));
      return el("div", { class: "dot-row" }, el("p", null, row.name), track);
    }), known.length ? el("div", { class: "dot-row dot-scale", "aria-hidden": "true" }, el("p", null, ""), el("div", null, el("span", null, low), el("span", null, (low + high) / 2), el("span", null, high))) : "");
    Site.put("dots-legend", subjects.map((s, i) => el("li", null, el("span", { class: "dot dot-" + ((i % 5) + 1), "aria-hidden": "true" }), s.label)));
  }

  function trend(state, filter) {
    const totals = quarters.map((quarter) => aggregate(filter, quarter));
    const series = subjects.map((s) => ({ name: s.label, strong: s.name === state.subject, figure: (quarter) => viewed(filter, quarter, meanOf(s.name)), values: totals.map((t) => t.mean(s.name)) }));
    Site.lines("trend-chart", data.charts.mean, quarters, series, format.decimal, "Lines: mean score by quarter and subject. The numbers are in the table below.");
    numbers("trend-table", series, format.decimal);
  }

  Site.filters((state, speak) => {
    const filter = Object.fromEntries(demographics.map((d) => [d.name, state[d.name]]));
    const scheme = schemes.find((known) => known.name === state.scheme);
    const before = quarters[quarters.indexOf(state.quarter) - 1];
    const now = aggregate(filter, state.quarter);
    const then = before ? aggregate(filter, before) : null;
    const set = demographics.filter((d) => filter[d.name]).map((d) => d.label + ": " + filter[d.name]);
    Site.put("view-name", format.quarter(state.quarter) + " · " + (set.length ? set.join(" · ") : "all students"));
    tiles(state, filter, now, then, before);
    spread(state, filter, scheme, before);
    rangeMap(state, filter, scheme);
    trend(state, filter);
    groups(state, filter, before);
    if (speak) Site.say(now.students ? format.count(now.students) + " students match." : NONE + ".");
  });
})();
