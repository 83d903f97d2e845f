/* The segments page: profiles, who is in them and moves, for the chosen quarter and group. */
(function () {
  "use strict";
  const { format, el, share } = Site;
  const data = Site.payload();
  const { cube, quarters, subjects, demographics } = data;
  const figureOf = Site.figures("student_performance");
  const keyOf = (filter) => demographics.map((d) => filter[d.name] || null);
  const viewed = (filter, quarter, column, cluster) => figureOf(quarter, "segment_views", column, ...keyOf(filter), cluster);
  const NONE = "No students match";

  /* Students of each cluster under a filter: a map from cluster to count, and the total. */
  function counts(filter, quarter) {
    const at = quarters.indexOf(quarter);
    const wanted = demographics.filter((d) => filter[d.name]).map((d) => [cube.groups[d.name], d.values.indexOf(filter[d.name])]);
    const found = new Map();
    let students = 0;
    for (let row = 0; row < cube.students.length; row++) {
      if (cube.quarter[row] !== at || wanted.some(([column, value]) => column[row] !== value)) continue;
      found.set(cube.cluster[row], (found.get(cube.cluster[row]) || 0) + cube.students[row]);
      students += cube.students[row];
    }
    return { students, of: (cluster) => found.get(cluster) || 0, share: (cluster) => share(found.get(cluster) || 0, students) };
  }

  function profiles(state, filter, segments) {
    const now = counts(filter, state.quarter);
    const everybody = counts({}, state.quarter);
    const isNarrow = Object.values(filter).some(Boolean);
    const largest = Math.max(1, ...segments.map((s) => now.share(s.cluster_id) || 0));
    Site.put("profiles", now.students ? segments.map((segment) => {
      const part = now.share(segment.cluster_id);
      const figure = (column) => (now.of(segment.cluster_id) ? viewed(filter, state.quarter, column, segment.cluster_id) : null);
      const against = isNarrow ? [Site.marked(format.change(part - everybody.share(segment.cluster_id)), figure("student_pct_gap")), " pts against all students"]
        : [Site.marked(format.percent(segment.pass_pct), figureOf(state.quarter, "segments", "pass_pct", segment.cluster_id)), " of them passed every subject"];
      const history = segment.continues_label ? (segment.continues_label === segment.cluster_label ? "Continues the segment of the quarter before" : "Continues “" + segment.continues_label + "”") : "No segment of the quarter before continues here";
      return el("article", { class: "profile" }, el("h3", null, segment.cluster_label), el("p", { class: "profile-reason" }, segment.reason),
        el("div", { class: "profile-bar" }, el("span", { class: "bar" }, el("span", { css: { width: (78 * part) / largest + "%" } })), el("b", null, Site.marked(format.percent(part), figure("student_pct")))),
        el("p", { class: "profile-note" }, Site.marked(format.count(now.of(segment.cluster_id)), figure("student_count")), " students · ", against, " · " + history));
    }) : el("p", { class: "empty" }, segments.length ? NONE : "There are no segments for " + format.quarter(state.quarter) + "."));
  }

  const step = (difference) => (Math.abs(difference) < 1 ? "0" : (difference < 0 ? "low-" : "high-") + Math.min(4, Math.ceil(Math.abs(difference) / 6)));
  function means(state, segments) {
    const all = data.means[state.quarter] || {};
    const rows = segments.map((s) => ({ name: s.cluster_label, cluster: s.cluster_id, ...Object.fromEntries(subjects.map((x) => [x.name, s[x.name + "_mean_score"]])) }));
    if (rows.length) rows.push({ name: "All students", total: true, ...all });
    Site.table("means-table", { caption: "Mean score of each segment and subject", class: "heat-table", rows, empty: "There are no segments for this quarter.", columns: [
      { key: "name", label: "Segment", heading: true },
      ...subjects.map((s) => ({ key: s.name, label: s.label, number: true, format: format.decimal,
        figure: (row) => (row.total ? figureOf(state.quarter, "quarters", s.name + "_mean_score") : figureOf(state.quarter, "segments", s.name + "_mean_score", row.cluster)),
        heat: (value, row) => (row.total || Site.absent(all[s.name]) ? "0" : step(value - all[s.name])) }))] });
  }

  function members(state, filter, segments) {
    const compared = demographics.find((d) => d.name === state.compare);
    const narrowed = (value) => ({ ...filter, [compared.name]: value });
    const all = counts(narrowed(""), state.quarter);
    const line = (name, view, found, total) => ({ name, view, total, students: found.students, ...Object.fromEntries(segments.map((s) => ["c" + s.cluster_id, found.share(s.cluster_id)])) });
    const values = compared.values.filter((value) => !filter[compared.name] || value === filter[compared.name]);
    const rows = segments.length ? [...values.map((value) => line(value, narrowed(value), counts(narrowed(value), state.quarter))), line("All students", narrowed(""), all, true)] : [];
    Site.table("members-table", { caption: "Share of each group in each segment, per cent", class: "heat-table", sortable: true, rows, columns: [
      { key: "name", label: compared.label, heading: true },
      ...segments.map((s) => ({ key: "c" + s.cluster_id, label: s.cluster_label, number: true, format: (value) => format.decimal(value), figure: (row) => viewed(row.view, state.quarter, "student_pct", s.cluster_id), heat: (value, row) => (row.total ? "0" : step((value - (all.share(s.cluster_id) || 0)) * 1.2)) })),
      { key: "students", label: "Students", number: true, format: (n) => (n ? format.count(n) : NONE), figure: (row) => (row.students ? figureOf(state.quarter, "exam_views", "student_count", ...keyOf(row.view)) : null) }] });
    for (const place of document.querySelectorAll("[data-compared]")) place.textContent = compared.label.toLowerCase();
  }

  function history(filter) {
    const labels = [];
    for (const quarter of [...quarters].reverse()) for (const s of data.segments[quarter]) if (!labels.includes(s.cluster_label)) labels.push(s.cluster_label);
    const named = (label, quarter) => data.segments[quarter].filter((s) => s.cluster_label === label).map((s) => s.cluster_id);
    const series = labels.map((label) => ({ name: label, figure: (quarter) => (named(label, quarter).length === 1 ? viewed(filter, quarter, "student_pct", ...named(label, quarter)) : null), values: quarters.map((quarter) => {
      const ids = named(label, quarter);
      const found = ids.length ? counts(filter, quarter) : null;
      return found && found.students ? ids.reduce((sum, id) => sum + found.share(id), 0) : null;
    }) }));
    /* Highlighted: the segment whose share changed most over the quarters shown. */
    const range = (s) => { const known = s.values.filter((v) => v !== null); return known.length ? Math.abs(known[known.length - 1] - known[0]) : 0; };
    const most = [...series].sort((a, b) => range(b) - range(a))[0];
    if (most) most.strong = true;
    Site.put("history-note", most && quarters.length > 1 ? "Share of students, %; highlighted: the segment that changed most, “" + most.name + "”" : "Share of students, %");
    Site.lines("history-chart", data.charts.share, quarters, series, format.percent, "Lines: share of students in each segment by quarter. The numbers are in the table below.");
    Site.table("history-table", { caption: "Share of students in each segment, per cent", columns: [{ key: "quarter", label: "Quarter", heading: true }, ...series.map((s, at) => ({ key: "s" + at, label: s.name, number: true, format: format.decimal, figure: (row) => s.figure(row.id) }))],
      rows: quarters.map((quarter, at) => ({ id: quarter, quarter: format.quarter(quarter), ...Object.fromEntries(series.map((s, i) => ["s" + i, s.values[at]])) })) });
  }

  function moves(state) {
    const why = data.why_no_moves[state.quarter];
    const note = document.getElementById("moves-note");
    note.textContent = why || "";
    note.hidden = !why;
    document.getElementById("moves-view").hidden = Boolean(why);
    const rows = why ? [] : data.moves[state.quarter];
    const order = (labels) => [...labels].filter((label) => label !== null).sort((a, b) => place(a) - place(b));
    const place = (label) => { const at = data.segments[state.quarter].findIndex((s) => s.cluster_label === label); return at < 0 ? 99 : at; };
    const from = order(new Set(rows.map((row) => row.previous_cluster_label)));
    const to = order(new Set(rows.map((row) => row.cluster_label)));
    const sum = (test) => rows.filter(test).reduce((total, row) => total + row.student_count, 0);
    const total = (column) => figureOf(state.quarter, "move_totals", column);
    const flow = (column, label) => figureOf(state.quarter, "segment_flows", column, label);
    const move = (previous, label) => {
      const found = rows.filter((row) => row.previous_cluster_label === previous && row.cluster_label === label);
      return found.length === 1 ? figureOf(state.quarter, "segment_moves", "student_count", previous, label, found[0].move) : null;
    };
    const columns = [{ key: "name", label: "From ↓ to →", heading: true }, ...to.map((label, at) => ({ key: "t" + at, label, number: true, figure: (row) => move(row.from, label), format: (n) => (n === 0 ? "0" : format.count(n)), heat: (n, row) => (row.plain ? "0" : row.highest ? Math.ceil((5 * n) / row.highest) : 0) })),
      { key: "left", label: "Not seen again", number: true, format: format.count, figure: (row) => move(row.from, null) },
      { key: "sum", label: "All", number: true, format: format.count, figure: (row) => (row.from === null ? total("joined_student_count") : flow("previous_student_count", row.from)) }];
    const matrix = from.map((label) => {
      const cells = to.map((target) => sum((row) => row.previous_cluster_label === label && row.cluster_label === target));
      return { name: label, from: label, highest: Math.max(...cells), left: sum((row) => row.previous_cluster_label === label && row.move === "left"), sum: sum((row) => row.previous_cluster_label === label), ...Object.fromEntries(cells.map((n, at) => ["t" + at, n])) };
    });
    matrix.push({ name: "New this quarter", from: null, plain: true, total: true, left: null, sum: sum((row) => row.move === "joined"), ...Object.fromEntries(to.map((label, at) => ["t" + at, sum((row) => row.move === "joined" && row.cluster_label === label)])) });
    Site.table("moves-table", { caption: "Students by segment in the quarter before and now", class: "heat-table", columns, rows: why ? [] : matrix, empty: "No moves to show." });
    const labels = order(new Set([...from, ...to]));
    const flows = why ? [] : labels.map((label) => {
      const arrived = sum((row) => row.move === "moved" && row.cluster_label === label), gone = sum((row) => row.move === "moved" && row.previous_cluster_label === label);
      return { label, arrived, gone, net: arrived - gone };
    });
    const most = Math.max(1, ...flows.map((one) => Math.abs(one.net)));
    Site.put("flows", flows.map((one) => el("li", null, el("span", { class: "flow-name" }, one.label),
      el("span", { class: "flow-track", "aria-hidden": "true" }, el("span", { class: one.net < 0 ? "flow-out" : "flow-in", css: { width: (50 * Math.abs(one.net)) / most + "%" } })),
      el("span", { class: "flow-text" }, el("b", null, Site.marked(format.change(one.net, 0), flow("net_student_count", one.label))), " (",
        Site.marked(format.count(one.arrived), flow("arrived_student_count", one.label)), " in, ", Site.marked(format.count(one.gone), flow("gone_student_count", one.label)), " out)"))));
    const stayed = sum((row) => row.move === "stayed"), moved = sum((row) => row.move === "moved");
    const followed = [Site.marked(format.count(stayed), total("stayed_student_count")), " of ", Site.marked(format.count(stayed + moved), total("followed_student_count")),
      " students seen in both quarters (", Site.marked(format.percent(share(stayed, stayed + moved)), total("stayed_pct")), ") stayed in their segment; ",
      Site.marked(format.count(moved), total("moved_student_count")), " moved. Filters by group do not act here."];
    Site.put("moves-summary", why ? "" : stayed + moved ? followed : "No student was seen in both quarters.");
  }

  function quality(segments) {
    const one = segments[0];
    const facts = one ? [["Segments", format.count(one.cluster_count)], ["Silhouette", format.decimal(one.silhouette, 2)], ["Stability", format.decimal(one.stability, 2)], ["Inertia ratio", format.decimal(one.inertia_ratio, 3)]] : [];
    Site.put("segment-quality", facts.map(([label, value]) => el("div", { class: "fact" }, el("dt", null, label), el("dd", null, value))));
  }

  Site.filters((state, speak) => {
    const filter = Object.fromEntries(demographics.map((d) => [d.name, state[d.name]]));
    const segments = data.segments[state.quarter];
    const set = demographics.filter((d) => filter[d.name]).map((d) => d.label + ": " + filter[d.name]);
    Site.put("view-name", format.quarter(state.quarter) + " · " + (set.length ? set.join(" · ") : "all students"));
    profiles(state, filter, segments);
    means(state, segments);
    members(state, filter, segments);
    history(filter);
    moves(state);
    quality(segments);
    if (speak) Site.say(counts(filter, state.quarter).students ? format.count(counts(filter, state.quarter).students) + " students match." : NONE + ".");
  });
})();
