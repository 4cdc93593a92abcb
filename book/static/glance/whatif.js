// The page of another plan: sales by period under both plans, of all products that move or of one, and what each gains.
// Its data is window.shopWhatif, in columns. Names are whatever a shop wrote: only ever text, never keys.
"use strict";

(() => {
  const told = window.shopWhatif, charts = window.shopCharts;
  const page = document.getElementById("shop-whatif");
  if (!page || !told) return;
  const { known, number, units, counted, time, add } = charts;
  const part = (name) => page.querySelector(`[data-part="${name}"]`);
  const choice = part("choice");
  const signed = (value) => (known(value) ? `${value < 0 ? "\u2212" : "+"}${units(Math.abs(value))}` : "–");
  const SHOWN = 12; // bars that one can tell apart
  let views = [];

  // a page outside of a book follows the system's light or dark
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const follow = () => { document.documentElement.dataset.theme = dark.matches ? "dark" : "light"; };
  dark.addEventListener("change", follow);
  follow();

  const names = told.names;
  add(choice, "option", "all products that move").value = "-1";
  names.forEach((name, place) => { add(choice, "option", name).value = String(place); });

  function periods(place) {
    const side = (column, plan) => told.dates.map((day, step) => ({ ds: time(day), plan,
      units: place < 0 ? told[`${column}_all`][step] : told[column][place][step] }));
    return [...side("before", "the run's plan"), ...side("after", "the other plan")];
  }

  const bars = () => names.slice(0, SHOWN).map((name, place) => ({ name,
    units: told.difference[place], low: told.low[place], high: told.high[place], support: told.support[place] }));

  function periodChart(colour) {
    const X = charts.dates(told.period === "day" ? "%b %d" : "%b %Y");
    const plans = { field: "plan", type: "nominal", title: null, legend: { orient: "top" } };
    const scale = { domain: ["the run's plan", "the other plan"] };
    const Y = { field: "units", type: "quantitative", title: `units a ${told.period}`, scale: { zero: true } };
    return {
      ...charts.sized(230, colour), data: { name: "periods" },
      layer: [
        { mark: { type: "line", strokeWidth: 2 },
          encoding: { x: X, y: Y, color: { ...plans, scale: { ...scale, range: [colour.text, colour.fan] } },
            strokeDash: { ...plans, scale: { ...scale, range: [[5, 3], [1, 0]] } } } },
        { mark: { type: "point", opacity: 0, size: 160 },
          encoding: { x: X, y: Y, tooltip: [charts.day(told.period), { field: "plan", title: "plan" },
            { field: "units", type: "quantitative", title: "units", format: ",.1f" }] } },
      ],
    };
  }

  function barChart(colour) {
    const Y = { field: "name", type: "nominal", sort: null, title: null,
      axis: { labelLimit: 130 } };
    const tip = (field, title) => ({ field, type: "quantitative", title, format: "+,.1f" });
    const opacity = { field: "support", type: "ordinal", sort: told.degrees, title: "what was tried", legend: { orient: "top", columns: 3 },
      scale: { domain: told.degrees, range: told.degrees.map((_, k) => 1 - (0.7 * k) / Math.max(told.degrees.length - 1, 1)) } };
    return {
      ...charts.sized(24 * Math.min(SHOWN, names.length), colour), data: { name: "bars" },
      layer: [
        { mark: { type: "bar", stroke: colour.text, strokeWidth: 0.7 },
          encoding: { y: Y, x: { field: "units", type: "quantitative", title: "difference (units)" }, opacity,
            color: { condition: { test: "datum.units < 0", value: colour.less }, value: colour.fan },
            tooltip: [{ field: "name", title: "product" }, tip("units", "difference"), tip("low", "95 % from"),
              tip("high", "95 % to"), { field: "support", title: "what was tried" }] } },
        { mark: { type: "rule", color: colour.text, strokeWidth: 2 }, transform: [{ filter: "isValid(datum.low)" }],
          encoding: { y: Y, x: { field: "low", type: "quantitative" }, x2: { field: "high" } } },
      ],
    };
  }

  async function embed(data) { // with data from the first: of none Vega complains
    for (const view of views) view.finalize();
    const colour = charts.colours(page), options = charts.options();
    const one = await window.vegaEmbed(part("periods"), { ...periodChart(colour), datasets: { periods: data } }, options);
    const two = await window.vegaEmbed(part("bars"), { ...barChart(colour), datasets: { bars: bars() } }, options);
    views = [one.view, two.view];
  }

  const total = (values) => values.reduce((sum, value) => sum + (value ?? 0), 0);

  let drawing = Promise.resolve();
  function show(place, anew = false) {
    drawing = drawing.then(async () => {
      const data = periods(place);
      if (!views.length || anew) await embed(data);
      views[0].data("periods", data);
      await Promise.all(views.map((view) => view.runAsync()));
      const sums = ["before", "after"].map((side) => total(place < 0 ? told[`${side}_all`] : told[side][place]));
      const who = place < 0 ? `the ${counted(names.length, "product")} that move` : names[place];
      const interval = place >= 0 && known(told.low[place])
        ? ` (95 %: ${signed(told.low[place])} to ${signed(told.high[place])})` : "";
      const words = `${who}: ${units(sums[0])} units under the run's plan, ${units(sums[1])} under the other one, `
        + `${signed(sums[1] - sums[0])}${interval}.`;
      part("words").textContent = words;
      part("why").textContent = place < 0 ? "" : told.why[place];
      part("periods").setAttribute("aria-label", `Units by ${told.period} under both plans; ${words}`);
      part("bars").setAttribute("aria-label", `Difference in units of ${counted(Math.min(SHOWN, names.length), "product")}: `
        + names.slice(0, SHOWN).map((name, k) => `${name} ${signed(told.difference[k])}`).join(", "));
      page.dataset.shown = String(place);
    });
  }

  function opened() {
    const name = charts.addressed();
    choice.value = String(names.indexOf(name)); // -1 is all of them
    show(Number(choice.value));
  }

  choice.addEventListener("change", () => {
    const place = Number(choice.value);
    window.location.hash = place < 0 ? "" : encodeURIComponent(names[place]);
  });
  window.addEventListener("hashchange", opened);
  charts.onTheme(() => show(Number(choice.value), true));
  if (names.length) opened();
})();
