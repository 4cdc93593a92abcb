// What the pictures of a run's pages have in common: numbers as text, colours of the theme, axes, and how Vega draws.
"use strict";

window.shopCharts = (() => {
  const known = (value) => value !== null && value !== undefined;
  const number = (value, digits = 0) =>
    known(value) ? value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits }) : "–";
  const units = (value) => number(value, known(value) && Math.abs(value) < 10 && value % 1 !== 0 ? 1 : 0);
  const counted = (value, noun) => `${number(value)} ${noun}${value === 1 ? "" : "s"}`;
  const time = (day) => Date.parse(`${day}T00:00:00Z`);

  function add(parent, tag, text, className) {
    const element = document.createElement(tag);
    if (text !== undefined) element.textContent = text;
    if (className) element.className = className;
    parent.append(element);
    return element;
  }

  function colours(page) {
    const style = getComputedStyle(page);
    const value = (name) => style.getPropertyValue(name).trim();
    return { text: value("--shop-text"), line: value("--shop-line"), sales: value("--shop-sales"),
      fan: value("--shop-fan"), less: value("--shop-less") };
  }

  const dates = (format) => ({ field: "ds", type: "temporal", scale: { type: "utc" }, title: null,
    axis: { labelOverlap: "greedy", labelSeparation: 8, format, tickCount: { signal: "max(2, width / 90)" } } });

  const day = (title) => ({ field: "ds", type: "temporal", title, format: "%Y-%m-%d", formatType: "utc" });

  function config(colour) {
    return {
      background: "transparent", font: "sans-serif", view: { stroke: null },
      axis: { labelColor: colour.text, titleColor: colour.text, gridColor: colour.line, domainColor: colour.line,
        tickColor: colour.line, labelFontSize: 12, titleFontSize: 12, titleFontWeight: "normal" },
      legend: { labelColor: colour.text, titleColor: colour.text, labelFontSize: 12 },
    };
  }

  const sized = (height, colour) => ({
    width: "container", height, autosize: { type: "fit-x", contains: "padding" }, config: config(colour),
  });

  const options = () => (
    { actions: false, renderer: "svg", tooltip: { theme: document.documentElement.dataset.theme || "light" } });

  const onTheme = (then) =>
    new MutationObserver(then).observe(document.documentElement, { attributeFilter: ["data-theme"] });

  function addressed() { // the name after the # of the address, as somebody wrote it
    const name = window.location.hash.slice(1);
    try {
      return decodeURIComponent(name);
    } catch (error) {
      if (!(error instanceof URIError)) throw error;
      return name; // a link that somebody cut names nothing that is there
    }
  }

  return { addressed, known, number, units, counted, time, add, colours, dates, day, config, sized, options, onTheme };
})();
