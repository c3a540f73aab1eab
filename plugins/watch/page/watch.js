"use strict";
// Draws what the run sends. All text from outside goes into textContent: a name is never markup.
(() => {
  const byId = (id) => document.getElementById(id);
  const svgNode = (name, attributes, text) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    if (text !== undefined) node.textContent = text;
    return node;
  };
  const make = (name, className, text) => {
    const node = document.createElement(name);
    if (className) node.className = className;
    if (text !== undefined) node.textContent = text;
    return node;
  };
  const count = (number) => Math.round(number).toLocaleString("en");
  const counted = (number, one, many) => `${count(number)} ${number === 1 ? one : many}`;

  // As neatfool writes confidences: cut, not rounded, and with no more nines than are known.
  const percent = (value) => {
    if (value > 0.9999) return "> 99.99 %";
    if (value < 1e-6) return "0.0 %";
    const places = value < 0.01 ? 1 - Math.floor(Math.log10(100 * value)) : value < 0.999 ? 1 : 2;
    const scale = 10 ** places;
    return `${(Math.floor(100 * value * scale + 1e-6) / scale).toFixed(places)} %`;
  };
  // An objective's scores may be any numbers.
  const number = (value) => (Math.abs(value) < 1e4 ? String(Number(value.toPrecision(4)) + 0) : count(value));
  const written = (run, value) => (run.about.objective ? number(value) : percent(value));
  const duration = (seconds) => {
    if (!Number.isFinite(seconds)) return "";
    if (seconds < 90) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
    if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
    return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
  };

  // ------------------------------------------------------------------ what was sent
  const runs = [];
  let shown = 0;
  let fixed = null; // the generation that the map shows; null: the latest
  let chosen = null; // the class whose image is shown
  let connected = false;
  let over = false;

  const newRun = (about) => ({ about, points: [], changes: [], messages: [], state: {}, log: [], at: 0 });

  const take = (number, news) => {
    if (news.about || !runs[number]) runs[number] = newRun(news.about || { path: "", classes: [] });
    const run = runs[number];
    const columns = run.about.columns || [];
    for (const row of news.points || []) {
      run.points.push(Object.fromEntries(columns.map((name, place) => [name, row[place]])));
    }
    const changes = news.changes || [];
    for (const change of changes) run.changes.push(change);
    if (news.points) run.at = Date.now();
    note(run, changes, news);
    if (news.state) run.state = news.state;
    return Boolean(news.about);
  };

  // ------------------------------------------------------------------ the log
  const MOST_LINES = 200;
  const write = (run, text, bad = false) => {
    run.log.unshift({ text, bad });
    run.log.length = Math.min(run.log.length, MOST_LINES);
  };
  const note = (run, changes, news) => {
    const groups = new Map();
    for (const change of changes) groups.set(change[0], [...(groups.get(change[0]) || []), change]);
    for (const [generation, group] of [...groups].slice(-MOST_LINES)) {
      const best = group.reduce((a, b) => (b[2] > a[2] ? b : a));
      const more = group.length > 1 ? `; best of ${count(group.length)} niches that changed hands` : "";
      write(run, `Generation ${count(generation)}: ${run.about.classes[best[1]]} ${written(run, best[2])}${more}`);
    }
    const before = run.state;
    const now = news.state;
    if (!now) return;
    for (const [outcome, [requests]] of Object.entries(now.requests || {})) {
      const more = requests - ((before.requests || {})[outcome] || [0])[0];
      if (outcome !== "ok" && more) write(run, `${counted(more, "request", "requests")} ended as: ${outcome}`, true);
    }
    if (now.error && now.error !== before.error) write(run, now.error, true);
    if (now.outcome && now.outcome !== before.outcome) write(run, `The run ended: ${now.outcome}`);
  };

  // ------------------------------------------------------------------ charts
  const SPACE = { left: 52, right: 20, top: 12, bottom: 26 };
  const LETTER = 7.9; // about as wide as a letter of a line's name
  const DASHES = ["", "7 3", "2 3", "9 3 2 3", "12 4", "4 4"];
  const ticksOf = (low, high, wanted) => {
    const raw = (high - low) / wanted || 1;
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= raw);
    const ticks = [];
    for (let at = Math.ceil(low / step) * step; at <= high + step * 1e-6; at += step) ticks.push(at);
    return ticks;
  };
  const powersOf = (low, high) => {
    const ticks = [];
    for (let at = 10 ** Math.ceil(Math.log10(low)); at <= high; at *= 10) ticks.push(at);
    return ticks.length > 1 ? ticks : [low, high];
  };
  // Decimal log-odds of confidences, which do not crowd near 100 %; beyond single precision natural ones are said.
  const LEVELS = [0.0001, 0.01, 0.5, 0.99, 0.9999, 0.999999].map((level) => [
    Math.log10(level / (1 - level)), `${Number((100 * level).toPrecision(6))} %`,
  ]);
  const SUREST = [20, 25, 30, 40, 50, 60, 80, 100].map((odds) => [odds / Math.LN10, `log-odds ${odds}`]);
  const oddsAround = (low, high) => {
    const ticks = high > 7 ? [...LEVELS, ...SUREST] : LEVELS;
    const last = ticks.findIndex(([at]) => at >= high);
    const first = ticks.findLastIndex(([at]) => at <= low);
    return ticks.slice(Math.max(0, first), last < 0 ? undefined : Math.max(last, first + 1) + 1);
  };
  // Keeps at most about `most` points, the last one among them.
  const thin = (points, most = 500) => {
    const step = Math.ceil(points.length / most);
    return points.filter((_, place) => (points.length - 1 - place) % step === 0);
  };

  /* chart: {lines: [{name, points: [[x, y]], dash, thin}], band: [[x, low, high]], odds, format, log, says} */
  const draw = (svg, chart) => {
    const { width, height } = svg.getBoundingClientRect();
    svg.replaceChildren();
    svg.setAttribute("aria-label", chart.says);
    const lines = chart.lines.filter((line) => line.points.length);
    if (!width || !lines.length) return;
    const longest = Math.max(...lines.map((line) => line.name.length));
    const most = Math.floor((0.4 * width) / LETTER);
    const ys = lines.flatMap((line) => line.points.map((each) => each[1]));
    const up = chart.odds ? oddsAround(Math.min(...ys), Math.max(...ys)) : undefined;
    const bottom = up ? up[0][0] : chart.real ? Math.min(...ys) : 0;
    const top = up ? Math.max(up.at(-1)[0], ...ys) : Math.max(...ys, bottom + 1e-9);
    const left = up && up.at(-1)[1].startsWith("log") ? 90 : up ? 72 : SPACE.left;
    const space = { ...SPACE, left, right: SPACE.right + LETTER * Math.min(longest, most) };
    const xs = lines.flatMap((line) => [line.points[0][0], line.points.at(-1)[0]]);
    const low = chart.log ? Math.max(Math.min(...xs), 1) : 0;
    const high = Math.max(...xs, low * 1.001 + 1e-9);
    const along = (x) => (chart.log ? Math.log(Math.max(x, low) / low) / Math.log(high / low) : (x - low) / (high - low));
    const atX = (x) => space.left + along(x) * (width - space.left - space.right);
    const atY = (y) => height - space.bottom - ((y - bottom) / (top - bottom)) * (height - space.top - space.bottom);
    const path = (points) => points.map(([x, y]) => `${atX(x).toFixed(1)},${atY(y).toFixed(1)}`).join(" ");
    const right = width - space.right;
    const across = up || ticksOf(bottom, top, height < 220 ? 3 : 5).map((tick) => [tick, chart.format(tick)]);
    for (const [tick, name] of across) {
      svg.append(svgNode("line", { class: "grid", x1: space.left, x2: right, y1: atY(tick), y2: atY(tick) }));
      svg.append(svgNode("text", { x: space.left - 8, y: atY(tick) + 4, "text-anchor": "end" }, name));
    }
    const steps = chart.log ? powersOf(low, high) : ticksOf(low, high, width < 500 ? 2 : 5);
    for (const tick of steps) {
      svg.append(svgNode("text", { x: atX(tick), y: height - 6, "text-anchor": "middle" }, count(tick)));
    }
    if (chart.band && chart.band.length > 1) {
      const edge = [...chart.band.map(([x, a]) => [x, a]), ...[...chart.band].reverse().map(([x, , b]) => [x, b])];
      svg.append(svgNode("polygon", { class: "band", points: path(edge) }));
    }
    const ends = [];
    for (const line of lines) {
      const points = line.points.length > 1 ? line.points : [[low, line.points[0][1]], line.points[0]];
      svg.append(svgNode("polyline", {
        class: line.thin ? "line thin" : "line", points: path(points), "stroke-dasharray": line.dash || "none",
      }));
      const [x, y] = line.points.at(-1);
      const name = line.name.length > most ? `${line.name.slice(0, most - 1)}…` : line.name;
      ends.push({ name, x: atX(x) + 6, y: atY(y) + 4 });
    }
    // The names stand at the ends of their lines, and push each other apart.
    ends.sort((a, b) => a.y - b.y);
    ends.forEach((end, place) => { if (place) end.y = Math.max(end.y, ends[place - 1].y + 15); });
    let floor = height - space.bottom + 8;
    for (const end of [...ends].reverse()) { end.y = Math.min(end.y, floor); floor = end.y - 15; }
    for (const end of ends) svg.append(svgNode("text", { class: "end", x: end.x, y: end.y }, end.name));
  };

  const drawConfidence = (run) => {
    const points = thin(run.points);
    const line = (key) => points.map((each) => [each.images, each[key]]);
    const last = run.points.at(-1);
    draw(byId("confidence"), {
      lines: [
        { name: `${run.about.objective ? "best" : "highest"} ${last ? written(run, last.maximum) : ""}`, points: line("highest"), dash: "2 3", thin: true },
        { name: `median ${last ? written(run, last.median) : ""}`, points: line("middle") },
        { name: `lowest ${last ? written(run, last.minimum) : ""}`, points: line("lowest"), dash: "7 3", thin: true },
      ].slice(0, run.about.searched.length > 1 ? 3 : 1),
      band: points.map((each) => [each.images, each.lower, each.upper]),
      odds: !run.about.objective,
      real: run.about.objective,
      format: number,
      log: byId("log-x").checked,
      says: last
        ? `After ${count(last.images)} images the highest ${run.about.objective ? "score" : "confidence"} is ${written(run, last.maximum)}, the median ${written(run, last.median)}, the lowest ${written(run, last.minimum)}.`
        : "Nothing is recorded yet.",
    });
  };
  const drawAll = () => {
    const { objective } = runs[shown].about;
    const alike = runs.filter((run) => run.about.objective === objective);
    byId("all").hidden = alike.length < 2;
    if (alike.length < 2) return;
    draw(byId("medians"), {
      lines: alike.map((run, place) => ({
        name: shortName(run), dash: DASHES[place % DASHES.length], thin: run !== runs[shown],
        points: thin(run.points).map((each) => [each.images, each.middle]),
      })),
      odds: !objective,
      real: objective,
      format: number,
      log: byId("log-x").checked,
      says: alike.map((run) => `${shortName(run)}: median ${written(run, (run.points.at(-1) || { median: 0 }).median)}`).join("; "),
    });
  };
  const drawChanges = (run) => {
    const points = thin(run.points, 30);
    const rate = (key) => points.slice(1).map((each, place) => {
      const before = points[place];
      return [each.images, (1000 * (each[key] - before[key])) / Math.max(each.images - before.images, 1)];
    });
    const last = run.points.at(-1) || { changed: 0, switched: 0 };
    draw(byId("changes"), {
      lines: [
        { name: "all", points: rate("changed") },
        { name: "goal switches", points: rate("switched"), dash: "7 3", thin: true },
      ],
      format: (value) => (value < 10 ? String(Math.round(10 * value) / 10) : count(value)),
      log: byId("log-x").checked,
      says: `${count(last.changed)} niches changed hands so far, ${count(last.switched)} of them goal switches.`,
    });
  };

  // ------------------------------------------------------------------ the head
  const shortName = (run) => (run.about.name ? `${run.about.name}, ${run.about.seed}` : run.about.path);
  const speedOf = (run) => {
    const last = run.points.at(-1);
    const first = run.points.findLast((each) => last.seconds - each.seconds > 5) || run.points[0];
    return first === last ? last.images / last.seconds : (last.images - first.images) / (last.seconds - first.seconds);
  };
  const status = (run) => {
    const { state } = run;
    if (state.error) return [state.error, true];
    if (state.outcome) return [`The run has ended: ${state.outcome}.`, state.outcome.startsWith("failed")];
    if (state.finished) return ["Finished.", false];
    if (over || !connected) return ["No connection: neatfool has ended, or this machine was asleep. This page shows the last it knew.", true];
    const still = Date.now() / 1000 - state.changed;
    if (still > 60) return [`Nothing new for ${duration(still)}: it was stopped, or a generation takes long.`, false];
    return ["Running.", false];
  };
  const drawHead = (run) => {
    const { about, state } = run;
    byId("name").textContent = about.name ? `${about.name}, seed ${about.seed}` : about.path;
    byId("folder").textContent = about.path;
    document.title = `${about.name || about.path} – neatfool watch`;
    const [words, bad] = status(run);
    if (byId("status").textContent !== words) byId("status").textContent = words;
    byId("status").className = bad ? "bad" : "";
    const last = run.points.at(-1);
    const facts = [];
    if (last) {
      const { generations, images } = about.length;
      const done = images ? last.images / images : (last.generation + 1) / generations;
      const speed = speedOf(run);
      const total = images || (last.images / (last.generation + 1)) * generations;
      byId("progress").value = state.finished ? 1 : Math.min(done, 1);
      facts.push(["generations", generations ? `${count(last.generation + 1)} of ${count(generations)}` : count(last.generation + 1)]);
      facts.push(["images", images ? `${count(last.images)} of ${count(images)}` : count(last.images)]);
      facts.push(["images a second", count(speed)]);
      if (!state.finished) facts.push(["left", duration((total - last.images) / speed) || "?"]);
      const ends = about.objective ? ["best", last.maximum] : ["lowest", last.minimum];
      facts.push(["median", written(run, last.median)], [ends[0], written(run, ends[1])]);
      const [name, met] = about.objective ? ["niches filled", last.filled] : ["classes at 99 % or more", last.certain];
      facts.push([name, `${count(met)} of ${count(about.searched.length)}`]);
      if (last.refused) facts.push(["images without a score", count(last.refused)]);
    }
    byId("facts").replaceChildren(...facts.map(([name, value]) => {
      const box = make("div");
      box.append(make("dt", "", name), make("dd", "", value));
      return box;
    }));
  };

  // ------------------------------------------------------------------ elites
  const NEWEST = 12;
  const drawNewest = (run) => {
    const found = new Map();
    for (let place = run.changes.length - 1; place >= 0 && found.size < NEWEST; place -= 1) {
      const [generation, index, score] = run.changes[place];
      if (!found.has(index)) found.set(index, { generation, index, score });
    }
    const list = byId("newest");
    const there = new Map([...list.children].map((item) => [item.dataset.key, item]));
    const items = [...found.values()].map(({ generation, index, score }) => {
      const key = `${shown} ${index} ${generation} ${run.about.pixels}`;
      if (there.has(key)) return there.get(key);
      const item = make("li", there.size ? "new" : "");
      item.dataset.key = key;
      const name = run.about.classes[index];
      const image = make("img", run.about.pixels < 100 ? "pixels" : "");
      image.alt = `The elite of ${name}`;
      image.src = `${shown}/${index}.png?${generation}`;
      item.append(image, make("p", "class", name), make("p", "", written(run, score)));
      item.append(make("p", "quiet", `generation ${count(generation)}`));
      return item;
    });
    if (items.some((item, place) => item !== list.children[place])) list.replaceChildren(...items);
    byId("none").hidden = items.length > 0;
  };

  // ------------------------------------------------------------------ the map of classes
  let cells = [];
  let cellsOf = null;
  const holdersAt = (run, generation) => {
    const held = new Map();
    for (const change of run.changes) {
      if (change[0] > generation) break;
      held.set(change[1], change);
    }
    return held;
  };
  const buildMap = (run) => {
    cellsOf = run.about;
    chosen = null;
    const many = run.about.searched.length > 120;
    byId("named").checked = !many;
    byId("map").className = many ? "map" : "map named";
    cells = run.about.searched.map((index, place) => {
      const cell = make("button", "cell empty");
      cell.type = "button";
      cell.tabIndex = place ? -1 : 0;
      cell.append(make("span", "class", run.about.classes[index]), make("span", "value", "–"));
      cell.dataset.index = index;
      cell.setAttribute("aria-pressed", "false");
      return cell;
    });
    byId("map").replaceChildren(...cells);
    byId("picture").hidden = true;
    byId("about").textContent = run.about.objective
      ? "Each cell is a niche, filled the higher the better its elite scores. Choose one to see its image."
      : "Each cell is a class, filled as high as the confidence in its elite. Choose one to see its image.";
  };
  const drawMap = (run) => {
    if (cellsOf !== run.about) buildMap(run);
    const last = run.points.at(-1);
    const latest = last ? last.generation : 0;
    const when = byId("when");
    when.max = latest;
    if (fixed === null) when.value = latest;
    const generation = fixed === null ? latest : fixed;
    byId("live").hidden = fixed === null;
    byId("moment").textContent = last ? `${count(generation)} of ${count(latest)}` : "none yet";
    const held = holdersAt(run, generation);
    const named = byId("named").checked;
    const { objective } = run.about;
    const scores = [...held.values()].map((change) => change[2]);
    const [low, high] = objective ? [Math.min(...scores), Math.max(...scores)] : [0, 1];
    for (const cell of cells) {
      const index = Number(cell.dataset.index);
      const change = held.get(index);
      const value = change ? change[2] : 0;
      const level = change ? (value - low) / (high - low || 1) : 0;
      const text = !change ? "–" : named ? written(run, value) : objective ? "" : String(Math.min(Math.floor(100 * value), 99));
      if (!objective && cell.lastChild.textContent === text && cell.dataset.since === String(change && change[0])) continue;
      cell.lastChild.textContent = text;
      cell.dataset.since = String(change && change[0]);
      cell.classList.toggle("empty", !change);
      cell.style.setProperty("--level", `${100 * level}%`);
      cell.title = `${run.about.classes[index]}: ${change ? written(run, value) : "no image yet"}`;
    }
    drawChosen(run, held);
  };
  const drawChosen = (run, held) => {
    if (chosen === null) return;
    const change = held.get(chosen);
    const latest = holdersAt(run, Infinity).get(chosen);
    const picture = byId("picture");
    const name = run.about.classes[chosen];
    picture.hidden = !latest;
    if (latest) {
      const source = `${shown}/${chosen}.png?${latest[0]}`;
      if (picture.getAttribute("src") !== source) picture.src = source;
      picture.alt = `The elite of ${name}`;
      picture.className = run.about.pixels < 100 ? "pixels" : "";
    }
    const took = run.changes.filter((each) => each[1] === chosen).length;
    const then = change ? `${written(run, change[2])}, since generation ${count(change[0])}` : "no image yet";
    const later = change && latest !== change ? ` The image is the latest: ${written(run, latest[2])}.` : "";
    byId("about").textContent = `${name}: ${then}. ${counted(took, "image has", "images have")} held this niche.${later}`;
  };
  const choose = (cell) => {
    for (const each of cells) each.setAttribute("aria-pressed", String(each === cell));
    chosen = Number(cell.dataset.index);
    drawMap(runs[shown]);
  };
  const moveInMap = (event) => {
    const place = cells.indexOf(document.activeElement);
    if (place < 0) return;
    const across = getComputedStyle(byId("map")).gridTemplateColumns.split(" ").length;
    const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: across, ArrowUp: -across, Home: -place, End: cells.length - 1 - place };
    const next = cells[place + steps[event.key]];
    if (!(event.key in steps)) return;
    event.preventDefault();
    if (!next) return;
    cells[place].tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  };

  // ------------------------------------------------------------------ tables
  const WORDS = { breeding: "breeding", rendering: "drawing", scoring: "scoring", selection: "selecting", recording: "recording" };
  const row = (name, share, text) => {
    const line = make("tr");
    const bar = make("td", "bar");
    const filled = make("span");
    filled.style.setProperty("--level", `${100 * share}%`);
    bar.append(filled);
    const head = make("th", "", name);
    head.scope = "row";
    line.append(head, bar, make("td", "", text));
    return line;
  };
  const drawStages = (run) => {
    const last = run.points.at(-1);
    if (!last) return byId("stages").replaceChildren();
    const share = (key) => (last.seconds ? last[key] / last.seconds : 0);
    const longest = Math.max(...Object.keys(WORDS).map(share), 1);
    byId("stages").replaceChildren(...Object.entries(WORDS).map(([key, word]) =>
      row(word, share(key) / longest, `${duration(last[key])}, ${Math.round(100 * share(key))} %`)));
    byId("stages-note").textContent = `Of ${duration(last.seconds)}. A network scores while the next images are bred and drawn, so the parts may add up to more.`;
  };
  const drawQueries = (run) => {
    const requests = Object.entries(run.state.requests || {});
    byId("queries").hidden = !requests.length;
    if (!requests.length) return;
    const sum = (place) => requests.reduce((total, [, pair]) => total + pair[place], 0);
    byId("outcomes").replaceChildren(...requests.map(([outcome, [sent, images]]) =>
      row(outcome, sent / sum(0), `${counted(sent, "request", "requests")}, ${counted(images, "image", "images")}`)));
    const { queries, requests: most } = run.about.budget;
    const parts = [];
    if (queries) parts.push(`${count(sum(1))} of ${counted(queries, "image", "images")}`);
    if (most) parts.push(`${count(sum(0))} of ${counted(most, "request", "requests")}`);
    byId("budget").textContent = parts.length ? `Spent: ${parts.join("; ")}.` : "There is no budget.";
  };
  const drawLog = (run) => {
    const lines = run.log.length ? run.log : [{ text: "Nothing happened yet." }];
    byId("log").replaceChildren(...lines.map((line) => make("li", line.bad ? "bad" : "", line.text)));
  };

  // ------------------------------------------------------------------ together
  const drawRuns = () => {
    byId("choose").hidden = runs.length < 2;
    const options = runs.map((run, place) => {
      const option = make("option", "", `${shortName(run)} (${run.about.path})`);
      option.value = place;
      option.selected = place === shown;
      return option;
    });
    byId("run").replaceChildren(...options);
  };
  const drawEverything = () => {
    const run = runs[shown];
    if (!run) return;
    drawHead(run);
    byId("main").hidden = !run.about.searched;
    if (!run.about.searched) return;
    for (const each of document.querySelectorAll("[data-objective]")) {
      each.dataset.classifier ??= each.textContent;
      each.textContent = run.about.objective ? each.dataset.objective : each.dataset.classifier;
    }
    const what = run.about.objective ? "score in each niche" : "confidence in each class";
    byId("map").setAttribute("aria-label", `The ${what}. Arrow keys move.`);
    drawConfidence(run);
    drawAll();
    drawNewest(run);
    drawMap(run);
    drawChanges(run);
    drawStages(run);
    drawQueries(run);
    drawLog(run);
  };
  let waiting = false;
  const redraw = () => {
    if (waiting) return;
    waiting = true;
    // A page that is not looked at draws nothing.
    requestAnimationFrame(() => { waiting = false; drawEverything(); });
  };

  const listen = () => {
    const source = new EventSource("events");
    source.addEventListener("open", () => { connected = true; redraw(); });
    source.addEventListener("error", () => { connected = false; redraw(); });
    source.addEventListener("news", (event) => {
      connected = true;
      const { run, news } = JSON.parse(event.data);
      if (take(run, news)) drawRuns();
      redraw();
    });
    source.addEventListener("end", () => { over = true; source.close(); redraw(); });
  };

  byId("log-x").addEventListener("change", redraw);
  byId("run").addEventListener("change", (event) => { shown = Number(event.target.value); fixed = null; redraw(); });
  byId("when").addEventListener("input", (event) => {
    fixed = Number(event.target.value) < Number(event.target.max) ? Number(event.target.value) : null;
    redraw();
  });
  byId("live").addEventListener("click", () => { fixed = null; byId("when").focus(); redraw(); });
  byId("named").addEventListener("change", (event) => {
    byId("map").classList.toggle("named", event.target.checked);
    for (const cell of cells) cell.dataset.since = "";
    redraw();
  });
  byId("map").addEventListener("keydown", moveInMap);
  byId("map").addEventListener("click", (event) => {
    const cell = event.target.closest(".cell");
    if (cell) choose(cell);
  });
  addEventListener("resize", redraw);
  setInterval(redraw, 5000);
  listen();
})();
