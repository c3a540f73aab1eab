// Shows the pictures of a session, and tells its server what is chosen. The server holds all that is
// bred; a choice that is not sent yet, and the sliders, stay in this browser until it is.
"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const STORE = `neatfool breed ${location.pathname}`;

  let shown = null; // what the server told last
  let chosen = new Set(); // the places that are chosen
  let busy = false;

  const element = (name, attributes = {}, ...children) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };
  const counted = (count, one, many) => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
  const factor = (id) => 2 ** Number(byId(id).value);
  const buttons = () => [...document.querySelectorAll(".picture")];

  function say(text, bad = false) {
    byId("status").textContent = text;
    byId("status").classList.toggle("bad", bad);
  }

  // ------------------------------------------------------------------ what is shown
  // Decodes what is not shown yet, so that all pictures appear at once.
  async function load(told) {
    const isNew = shown?.number !== told.number || String(shown.pictures) !== String(told.pictures);
    const kept = told.kept.slice(byId("kept").children.length); // what is kept stays so
    const images = await Promise.all([...(isNew ? told.pictures : []), ...kept.map((each) => each.picture)].map(loadImage));
    return { isNew, images, keptImages: images.splice(images.length - kept.length) };
  }

  async function loadImage(src) {
    const image = element("img", { src, alt: "", draggable: "false" });
    await image.decode();
    return image;
  }

  function show(told, { isNew, images, keptImages }) {
    shown = told;
    if (isNew) {
      chosen = new Set(told.chosen);
      setSlider("strength", told.strength);
      setSlider("structure", told.structure);
      recall();
      byId("pictures").replaceChildren(...images.map(makePicture));
    }
    document.body.classList.toggle("told", told.seen.length > 0);
    const names = told.kept.slice(byId("kept").children.length).map(({ name }) => element("figcaption", {}, name));
    byId("kept").append(...names.map((name, place) => element("li", {}, element("figure", {}, keptImages[place], name))));
    byId("kept-part").hidden = told.kept.length === 0;
    update();
  }

  function makePicture(image, place) {
    const seen = shown.seen[place];
    const label = `Picture ${place + 1} of ${shown.pictures.length}${seen ? `, taken for ${seen}` : ""}`;
    const button = element("button", { type: "button", class: "picture", "aria-label": label, "aria-pressed": "false" }, image);
    button.addEventListener("click", () => toggle(place));
    return element("li", {}, button, ...(seen ? [element("span", { class: "seen", "aria-hidden": "true" }, seen)] : []));
  }

  function setSlider(id, value) {
    byId(id).value = Math.log2(Math.max(value, 1 / 8));
  }

  function update() {
    for (const [place, button] of buttons().entries()) button.setAttribute("aria-pressed", String(chosen.has(place)));
    for (const id of ["strength", "structure"]) {
      const text = `${Number(factor(id).toPrecision(2))}×`;
      byId(`${id}-shown`).textContent = text;
      byId(id).setAttribute("aria-valuetext", `${text.slice(0, -1)} times as much`);
    }
    byId("pictures").ariaBusy = busy || !shown;
    byId("next").disabled = byId("keep").disabled = busy || chosen.size === 0;
    byId("back").disabled = busy || !shown?.back;
    byId("forward").disabled = busy || !shown?.forward;
    if (!shown || busy) return;
    const number = shown.number ? `Generation ${shown.number}` : "The first pictures";
    say(`${number}. ${chosen.size ? `${counted(chosen.size, "picture is", "pictures are")} chosen.` : "Choose one or more."}`);
  }

  function toggle(place) {
    if (busy) return;
    if (!chosen.delete(place)) chosen.add(place);
    remember();
    update();
  }

  // ------------------------------------------------------------------ what is not sent yet
  function remember() {
    const kept = { version: shown.version, chosen: [...chosen], strength: byId("strength").value, structure: byId("structure").value, name: byId("name").value };
    sessionStorage.setItem(STORE, JSON.stringify(kept));
  }

  function recall() {
    const kept = JSON.parse(sessionStorage.getItem(STORE) ?? "null");
    if (kept?.version !== shown.version) return;
    chosen = new Set(kept.chosen);
    for (const id of ["strength", "structure", "name"]) byId(id).value = kept[id];
  }

  // ------------------------------------------------------------------ the server
  async function ask(path, body) {
    const how = body ? { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" } } : {};
    let answer;
    try {
      answer = await fetch(path, how);
    } catch {
      answer = null;
    }
    if (answer?.ok || answer?.status === 409) return { stale: !answer.ok, told: await answer.json() };
    const why = answer && answer.status !== 503 ? await answer.text() : "neatfool has ended, or this machine was asleep. All pictures are recorded: `neatfool breed` with the session’s folder goes on.";
    throw new Error(why);
  }

  async function act(kind) {
    const needsChoice = kind === "next" || kind === "keep";
    if (busy || !shown || (needsChoice ? chosen.size === 0 : !shown[kind])) return;
    busy = true;
    say(kind === "keep" ? "Keeping …" : "Breeding …");
    update();
    const places = needsChoice ? [...chosen].sort((a, b) => a - b) : [];
    const body = { kind, version: shown.version, places, name: byId("name").value, strength: factor("strength"), structure: factor("structure") };
    try {
      const { stale, told } = await ask("act", body);
      const loaded = await load(told);
      busy = false;
      if (kind === "keep" && !stale) byId("name").value = "";
      const focused = buttons().indexOf(document.activeElement);
      show(told, loaded);
      if (focused >= 0) buttons()[Math.min(focused, buttons().length - 1)].focus();
      if (stale) say("Another window has gone on meanwhile. These are its pictures.", true);
      else if (kind === "keep") {
        remember();
        say(`Kept: ${told.kept.slice(-places.length).map((each) => each.name).join(", ")}.`);
      }
    } catch (error) {
      busy = false;
      update();
      say(error.message, true);
    }
  }

  async function refresh() {
    const isNews = (told) => !busy && told.version > (shown?.version ?? -1);
    if (busy) return;
    try {
      const { told } = await ask("shown");
      const loaded = isNews(told) && (await load(told));
      if (isNews(told)) show(told, loaded);
    } catch (error) {
      say(error.message, true);
    }
  }

  // ------------------------------------------------------------------ mouse and keys
  const ACTS = { n: "next", b: "back", f: "forward", k: "keep" };

  function press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input[type=text]")) return;
    if (ACTS[event.key]) {
      event.preventDefault();
      act(ACTS[event.key]);
      return;
    }
    const all = buttons();
    const outside = document.activeElement === document.body && event.key.startsWith("Arrow");
    const at = all.indexOf(document.activeElement);
    const across = getComputedStyle(byId("pictures")).gridTemplateColumns.split(" ").length;
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, ArrowDown: at + across, ArrowUp: at - across, Home: 0, End: all.length - 1 }[event.key];
    if (!outside && (at < 0 || !all[to])) return;
    event.preventDefault();
    all[outside ? 0 : to].focus();
  }

  byId("controls").addEventListener("submit", (event) => {
    event.preventDefault();
    act(document.activeElement === byId("name") ? "keep" : "next");
  });
  for (const kind of ["back", "forward", "keep"]) byId(kind).addEventListener("click", () => act(kind));
  byId("controls").addEventListener("input", () => {
    if (shown) remember();
    update();
  });
  document.addEventListener("keydown", press);
  addEventListener("pageshow", refresh);
  document.addEventListener("visibilitychange", () => document.hidden || refresh());
  addEventListener("focus", refresh);
})();
