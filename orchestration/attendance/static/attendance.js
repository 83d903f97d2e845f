/* The attendance page: the table of schools, for the chosen quarter and the words that are searched. */
(function () {
  "use strict";
  const { format } = Site;
  const data = Site.payload();
  const words = document.getElementById("school-words");
  const MOST = 200;
  const figureOf = Site.figures("attendance");
  const figure = (table, column) => (school) => figureOf(quarter, table, column, school.code);
  let quarter = "";
  for (const school of data.schools) school.missing = school.all_days - school.days;

  function draw() {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = data.schools.filter((school) => {
      const text = [school.code, school.name, "district " + school.district].join(" ").toLowerCase();
      return school.quarter === quarter && wanted.every((word) => text.includes(word));
    });
    found.sort((one, other) => (one.mean === null) - (other.mean === null) || one.mean - other.mean);
    const shown = found.slice(0, MOST);
    Site.put("school-count", format.count(found.length) + (found.length === 1 ? " school" : " schools")
      + (found.length > MOST ? "; the " + MOST + " with the lowest attendance are shown, search for others" : ""));
    Site.table("schools-table", { caption: "Schools with their attendance", sortable: true, rows: shown, empty: "No school matches", columns: [
      { key: "name", label: "School", heading: true },
      { key: "code", label: "Code" },
      { key: "borough", label: "Borough" },
      { key: "district", label: "District" },
      { key: "mean", label: "Mean %", number: true, format: (value) => format.decimal(value), figure: figure("schools", "mean_attendance_pct") },
      { key: "lowest", label: "Lowest day %", number: true, format: (value) => format.decimal(value), figure: figure("schools", "lowest_attendance_pct") },
      { key: "days", label: "Days", number: true, format: format.count, figure: figure("schools", "reported_day_count") },
      { key: "missing", label: "Not submitted", number: true, format: format.count, figure: figure("school_gaps", "missing_day_count") }] });
  }
  words.addEventListener("input", draw);
  Site.filters((state) => { quarter = state.quarter; draw(); });
})();
