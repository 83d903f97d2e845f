/* The home page's one chart: mean score of each subject over the quarters. */
(function () {
  "use strict";
  const data = Site.payload();
  Site.lines("home-chart", data.charts.mean, data.quarters, data.series, Site.format.decimal, "Lines: mean score by quarter and subject. The numbers are in the table below.");
})();
