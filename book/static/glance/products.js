// The page of products: a list to search, and what the run knows of the one chosen. Its data is window.shopProducts,
// in columns. Names are whatever a shop wrote: they are only ever written as text, and never used as keys.
"use strict";

(() => {
  const shop = window.shopProducts;
  const page = document.getElementById("shop-products");
  if (!page || !shop) return;
  const part = (name) => page.querySelector(`[data-part="${name}"]`);
  const search = part("search"), list = part("list"), count = part("count"), only = part("only");
  const places = new Map(shop.names.map((name, place) => [name, place]));
  const AT_ONCE = 200;
  let found = [], active = 0, chosen = -1, views = [];

  const folded = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const keys = shop.names.map(folded);
  const charted = window.shopCharts, { known, number, units, counted, time, add } = charted;
  const share = (value) => (known(value) ? `${Math.round(100 * value)} %` : "–");

  // ----- the list

  const FILTERS = {
    all: () => true,
    order: (place) => shop.plan.order[place] > 0,
    alert: (place) => shop.alerts[place].length > 0,
    price: (place) => !["", "hold"].includes(shop.prices.action[place]),
    unknown: (place) => !known(shop.plan.stock[place]),
  };

  function mark(place) {
    const words = [];
    if (shop.plan.order[place] > 0) words.push(`order ${number(shop.plan.order[place])}`);
    else if (!known(shop.plan.stock[place])) words.push("stock unknown");
    if (shop.alerts[place].length) words.push("alert");
    return words.join(" · ");
  }

  function filter() {
    const words = folded(search.value).split(/\s+/).filter(Boolean);
    found = [];
    keys.forEach((key, place) => {
      if (words.every((word) => key.includes(word)) && FILTERS[only.value](place)) found.push(place);
    });
    active = Math.max(0, found.indexOf(chosen));
    draw();
  }

  function draw() {
    list.replaceChildren();
    const first = active < AT_ONCE ? 0 : active - AT_ONCE / 2;
    const shown = found.slice(first, first + AT_ONCE);
    shown.forEach((place, row) => {
      const option = add(list, "li");
      option.id = `shop-option-${place}`;
      option.setAttribute("role", "option");
      option.dataset.place = place;
      add(option, "span", shop.names[place], "name");
      add(option, "small", mark(place));
      option.setAttribute("aria-selected", String(place === chosen));
      option.setAttribute("aria-setsize", String(found.length));
      option.setAttribute("aria-posinset", String(first + row + 1));
    });
    const more = found.length > shown.length ? `; ${number(shown.length)} of them in the list` : "";
    count.textContent = `${number(found.length)} of ${counted(shop.names.length, "product")}${more}`;
    point();
  }

  function point() {
    for (const option of list.children) option.classList.toggle("active", Number(option.dataset.place) === found[active]);
    const option = list.querySelector(".active");
    for (const box of [search, list]) {
      if (option) box.setAttribute("aria-activedescendant", option.id);
      else box.removeAttribute("aria-activedescendant");
    }
    if (!option) return; // scroll the list only, never the page
    if (option.offsetTop < list.scrollTop) list.scrollTop = option.offsetTop;
    const below = option.offsetTop + option.offsetHeight - list.clientHeight;
    if (below > list.scrollTop) list.scrollTop = below;
  }

  function move(to) {
    if (!found.length) return;
    active = Math.min(Math.max(to, 0), found.length - 1);
    if (!list.querySelector(`[data-place="${found[active]}"]`)) draw();
    else point();
  }

  function keyed(event) {
    const inList = event.currentTarget === list;
    const moves = { ArrowDown: active + 1, ArrowUp: active - 1, PageDown: active + 10, PageUp: active - 10 };
    if (inList) Object.assign(moves, { Home: 0, End: found.length - 1 });
    if (event.key in moves) move(moves[event.key]);
    else if (event.key === "Enter" || (inList && event.key === " ")) open(found[active]);
    else if (event.key === "Escape" && search.value) {
      search.value = "";
      filter();
    } else return;
    event.preventDefault();
  }

  function open(place) {
    if (place === undefined) return;
    const hash = `#${encodeURIComponent(shop.names[place])}`;
    if (window.location.hash === hash) show(place);
    else window.location.hash = hash; // the browser's way back leads to the product before
  }

  // ----- the product

  function rows(table, pairs) {
    table.replaceChildren();
    for (const [label, value] of pairs) {
      if (value === undefined) continue;
      const row = add(table, "tr");
      add(row, "th", label).scope = "row";
      add(row, "td", value);
    }
  }

  function told(target, sentences, nothing) {
    target.replaceChildren();
    if (!sentences.length) add(target, "p", nothing, "muted");
    const items = sentences.length ? add(target, "ul") : null;
    for (const [head, why] of sentences) {
      const item = add(items, "li");
      add(item, "strong", head);
      if (why) item.append(` ${why}`);
    }
  }

  // Bars from the usual to the forecast: each begins where the one above it ends.
  function waterfall(reason) {
    part("reasons-box").hidden = !reason;
    if (!reason) return;
    part("reasons-head").textContent = reason.why;
    const body = part("reasons").tBodies[0], steps = [];
    let at = reason.usual;
    for (const [driver, change, sure] of reason.bars) {
      steps.push([driver, at, at + change, change, sure]);
      at += change;
    }
    const edges = steps.flatMap(([, from, to]) => [from, to]).concat(reason.usual, reason.forecast);
    const low = Math.min(...edges), high = Math.max(...edges), wide = high - low || 1, begin = low - 0.15 * wide;
    const place = (value) => (100 * (value - begin)) / (high - begin + 1e-9);
    const change = (value) => `${value < 0 ? "\u2212" : "+"}${units(Math.abs(value))}`;
    body.replaceChildren();
    const line = (label, from, to, value, kind) => {
      const row = add(body, "tr");
      add(row, "th", label).scope = "row";
      const track = add(row, "td", undefined, "track");
      track.setAttribute("aria-hidden", "true");
      const bar = add(track, "div", undefined, `bar ${kind}`);
      bar.style.left = `${place(Math.min(from, to))}%`;
      bar.style.width = `${Math.max(place(Math.max(from, to)) - place(Math.min(from, to)), 0.6)}%`;
      add(row, "td", value, "number");
    };
    line("usual", begin, reason.usual, units(reason.usual), "whole");
    for (const [driver, from, to, size, sure] of steps) {
      line(sure === false ? `${driver} (not sure)` : driver, from, to, change(size), size < 0 ? "less" : "more");
    }
    line("forecast", begin, reason.forecast, units(reason.forecast), "whole");
  }

  function show(place) {
    chosen = place;
    const at = (columns, name) => columns[name][place];
    const { plan, prices } = shop, name = shop.names[place], price = at(prices, "action");
    part("name").textContent = name;
    document.title = `${name} – products`;
    const order = at(plan, "order"), stock = at(plan, "stock"), word = at(plan, "action");
    const action = !known(stock) ? `Count the stock; order up to ${units(at(plan, "level"))}.`
      : order > 0 ? `Order ${number(order)}.`
      : ["", "nothing"].includes(word) ? "Order nothing." : `${word[0].toUpperCase()}${word.slice(1)}.`;
    part("action").textContent = action;
    part("why").textContent = at(plan, "why");
    rows(part("plan"), [
      [`stock and on order${shop.simulated ? " (simulated)" : ""}`, known(stock) ? units(stock) : "unknown"],
      ["level to order up to", units(at(plan, "level"))],
      [`expected in ${counted(shop.protection, shop.period)}`, units(at(plan, "expected"))],
      ["risk of running out before delivery", share(at(plan, "risk"))],
      ["expected loss before delivery", known(at(plan, "loss")) ? units(at(plan, "loss")) : undefined],
    ]);
    const fan = [known(at(prices, "low")) ? ` (${number(at(prices, "low"), 2)} to ${number(at(prices, "high"), 2)})` : ""];
    const trial = price.startsWith("test"); // what a test is for is not expected yet
    part("price-box").hidden = !price;
    part("price-head").textContent = price === "hold" || !price ? "Keep the price."
      : `${price[0].toUpperCase()}${price.slice(1)}: ${number(at(prices, "proposed"), 2)} instead of ${number(at(prices, "current"), 2)}.`;
    part("price-why").textContent = at(prices, "why");
    rows(part("price"), [
      ["price today", number(at(prices, "current"), 2)],
      [`elasticity${trial ? " in the data" : ""}`, `${number(at(prices, "elasticity"), 2)}${fan}`],
      ["elasticity at which it just pays", known(at(prices, "pays")) ? number(at(prices, "pays"), 2) : undefined],
      ["periods of the test", known(at(prices, "periods")) ? number(at(prices, "periods")) : undefined],
      ["money at stake in a period", trial && known(at(prices, "stake")) ? units(at(prices, "stake")) : undefined],
      ["expected change of profit", !trial && at(prices, "gain") ? number(at(prices, "gain"), 2) : undefined],
    ]);
    told(part("alerts"), shop.alerts[place].map(([severity, kind, start, end, why]) =>
      [`${severity}: ${kind}, ${start === end ? start : `${start} to ${end}`}.`, why]), "No alert.");
    told(part("promotions"), shop.promotions[place].map(([start, end, kind, why]) =>
      [`${kind}, ${start} to ${end}.`, why]), "No promotion is proposed.");
    waterfall(shop.reasons?.[place]);
    page.classList.add("ready");
    for (const option of list.children) option.setAttribute("aria-selected", String(Number(option.dataset.place) === place));
    charts(place);
  }

  // ----- the pictures

  const last = shop.dates.length ? time(shop.dates[shop.dates.length - 1]) : 0;

  function tables(place) {
    const row = (columns, names) => (day, step) => {
      const values = { ds: time(day) };
      for (const [key, column] of names) values[key] = columns[column][place]?.[step] ?? null;
      return values;
    };
    const ahead = shop.ahead.map((day, step) => {
      const values = { ds: time(day), mean: shop.mean[place][step] };
      for (const band of shop.bands) {
        values[`low${band.share}`] = band.low[place][step];
        values[`high${band.share}`] = band.high[place][step];
      }
      return values;
    });
    return {
      history: shop.dates.map((day, step) => ({ ds: time(day), y: shop.y[place][step] })),
      ahead,
      stock: shop.later.map(row(shop.projection, [["low", "low"], ["median", "median"], ["high", "high"]])),
    };
  }

  function salesChart(colour) {
    const X = charted.dates(shop.period === "day" ? "%b %d" : "%b %Y");
    const day = charted.day(shop.period);
    const tip = (field, title) => ({ field, type: "quantitative", title, format: ",.1f" });
    const widest = shop.bands[0].share;
    const bands = shop.bands.map((band, depth) => ({
      data: { name: "ahead" }, mark: { type: "area", color: colour.fan, opacity: 0.25 + 0.12 * depth },
      encoding: { x: X, y: { field: `low${band.share}`, type: "quantitative", title: `units a ${shop.period}` },
        y2: { field: `high${band.share}` } },
    }));
    return {
      ...charted.sized(230, colour),
      layer: [
        ...bands,
        { data: { name: "history" }, mark: { type: "line", color: colour.sales, strokeWidth: 1.4 },
          encoding: { x: X, y: { field: "y", type: "quantitative" } } },
        { data: { name: "ahead" }, mark: { type: "line", color: colour.text, strokeDash: [5, 3] },
          encoding: { x: X, y: { field: "mean", type: "quantitative" } } },
        { data: { values: [{ ds: last }] }, mark: { type: "rule", color: colour.text, strokeDash: [2, 3] }, encoding: { x: X } },
        { data: { name: "history" }, mark: { type: "point", opacity: 0, size: 160 },
          encoding: { x: X, y: { field: "y", type: "quantitative" }, tooltip: [day, tip("y", "sales")] } },
        { data: { name: "ahead" }, mark: { type: "point", opacity: 0, size: 160 },
          encoding: { x: X, y: { field: "mean", type: "quantitative" }, tooltip: [day, tip("mean", "expected"),
            tip(`low${widest}`, `${widest} % from`), tip(`high${widest}`, `${widest} % to`)] } },
      ],
    };
  }

  function stockChart(colour) {
    const X = charted.dates(shop.period === "month" ? "%b %Y" : "%b %d");
    return {
      ...charted.sized(150, colour),
      data: { name: "stock" },
      layer: [
        { mark: { type: "area", color: colour.fan, opacity: 0.4 },
          encoding: { x: X, y: { field: "low", type: "quantitative", title: "units in stock" }, y2: { field: "high" } } },
        { mark: { type: "line", color: colour.text }, encoding: { x: X, y: { field: "median", type: "quantitative" } } },
      ],
    };
  }

  async function embed(data) { // with data from the first: of none Vega complains
    const { history, ahead, stock: stocked } = data;
    const colour = charted.colours(page);
    for (const view of views) view.finalize();
    const options = charted.options();
    const sales = await window.vegaEmbed(part("sales"), { ...salesChart(colour), datasets: { history, ahead } }, options);
    const stock = shop.later.length
      ? await window.vegaEmbed(part("stock"), { ...stockChart(colour), datasets: { stock: stocked } }, options) : null;
    views = [sales, stock].filter(Boolean).map((result) => result.view);
  }

  const span = (values) => {
    const real = values.filter(known);
    return real.length ? `${units(Math.min(...real))} to ${units(Math.max(...real))}` : "nothing known";
  };

  let drawing = Promise.resolve();
  function charts(place, anew = false) {
    drawing = drawing.then(async () => {
      const data = tables(place);
      if (!views.length || anew) await embed(data);
      views[0].data("history", data.history).data("ahead", data.ahead);
      if (views[1]) views[1].data("stock", data.stock);
      await Promise.all(views.map((view) => view.runAsync()));
      part("sales").setAttribute("aria-label", `Sales of ${shop.names[place]} over ${counted(data.history.length, shop.period)}, `
        + `${span(shop.y[place])} units; expected over the next ${counted(data.ahead.length, shop.period)}: ${span(shop.mean[place])}.`);
      part("stock").setAttribute("aria-label", `Stock over the next ${counted(data.stock.length, shop.period)}, median `
        + `${span(data.stock.map((row) => row.median))} units.`);
      const empty = !data.stock.some((row) => known(row.median));
      part("stock-box").hidden = empty;
      page.dataset.shown = String(place);
    });
  }

  // ----- the beginning

  function follow() {
    const name = charted.addressed();
    const place = places.get(name);
    part("missing").hidden = !name || place !== undefined;
    if (name && place === undefined) part("missing").textContent = `No product is called ${name}.`;
    show(place ?? (chosen < 0 ? 0 : chosen));
    filter();
  }

  search.addEventListener("input", filter);
  only.addEventListener("change", filter);
  search.addEventListener("keydown", keyed);
  list.addEventListener("keydown", keyed);
  list.addEventListener("click", (event) => {
    const option = event.target.closest("[data-place]");
    if (option) open(Number(option.dataset.place));
  });
  window.addEventListener("hashchange", follow);
  charted.onTheme(() => charts(chosen, true));
  if (shop.names.length) follow();
})();
