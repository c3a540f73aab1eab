// A network of the visitor's own: its file, the names of its classes, and the images that fool it.
"use strict";
const LARGEST_FILE = 300e6;
const SECONDS_TO_OPEN = 90;
const LARGE_OWN = 448;
const own = { worker: null, shape: null, names: [], slots: [], tooLong: 0 };
const nameOf = (index) => own.names[index] || `class ${index}`;
const say = (sentence) => (byId("own-notice").textContent = sentence);

// Opens an ONNX file's bytes in a worker of its own, which ends the search before.
function openModel(model, size, known) {
  own.worker?.terminate();
  clearTimeout(own.tooLong);
  own.worker = startWorker();
  own.model = model;
  const end = (sentence) => {
    clearTimeout(own.tooLong);
    own.worker.terminate();
    byId("own-search").hidden = true;
    say(sentence);
  };
  own.tooLong = setTimeout(() => end(`The network does not open within ${SECONDS_TO_OPEN} seconds.`), 1000 * SECONDS_TO_OPEN);
  own.worker.onerror = () => end("The network needs more memory than this browser gives.");
  own.worker.onmessage = ({ data }) => {
    if (data.refused) return end(data.refused);
    if (data.opened) {
      clearTimeout(own.tooLong);
      return showOpened(data.opened, known);
    }
    if (data.best) showOwn(data);
  };
  own.worker.postMessage({ own: { engine: new URL("ort/", document.baseURI).href, model, size, held: document.hidden } });
}

function showOpened({ shape, classes, varies, scaling, type }, known) {
  Object.assign(own, { shape, classes });
  say("");
  byId("own-search").hidden = false;
  byId("own-scaling").value = known ?? scaling;
  byId("own-scaling").disabled = type === "uint8";
  byId("own-size-field").hidden = !varies;
  byId("own-size").value = shape.width;
  searchAgain();
}

function searchAgain() {
  own.slots = [];
  byId("own-tiles").replaceChildren();
  byId("own-stop").disabled = false;
  Object.assign(document.documentElement.dataset, { ownFooled: 0, ownImages: 0, ownDone: "" });
  own.worker.postMessage({ own: { search: { seed: Math.floor(Math.random() * 1e9), scaling: byId("own-scaling").value } } });
}

function showOwn({ images, seconds, sure, words, best, done }) {
  const { width, height, channels } = own.shape;
  const put = (id, text) => byId(id).textContent !== text && (byId(id).textContent = text);
  put("own-about", `It takes images of ${width} × ${height} pixels, ${channels === 3 ? "in colour" : "in grey"}, and gives ${words}.`);
  put("own-count", `${sure.toLocaleString("en")} of ${own.classes.toLocaleString("en")} classes above 99 %`);
  put("own-images", `${images.toLocaleString("en")} images tried, ${Math.round(images / seconds).toLocaleString("en")} a second`);
  Object.assign(document.documentElement.dataset, { ownFooled: sure, ownImages: images, ownSeconds: seconds.toFixed(2) });
  if (done) {
    document.documentElement.dataset.ownDone = "1";
    byId("own-stop").disabled = true;
  }
  // A class keeps its tile while it is among the surest.
  const missing = best.filter(({ index }) => !own.slots.some((slot) => slot.index === index));
  if (own.classes <= best.length) missing.sort((a, b) => a.index - b.index);
  own.slots.forEach((slot) => !best.some(({ index }) => index === slot.index) && Object.assign(slot, { index: missing.shift().index, image: 0 }));
  for (const { index } of missing) own.slots.push(makeOwnTile(index));
  for (const slot of own.slots) {
    const elite = best.find(({ index }) => index === slot.index);
    if (elite && elite.image !== slot.image) Object.assign(slot, elite) && paintOwnTile(slot);
  }
}

function makeOwnTile(index) {
  const slot = { index, image: 0, large: make("canvas", "large"), small: make("canvas", "small"), name: make("span", "name"), sure: make("span", "sure") };
  slot.button = make("button", "tile", make("span", "picture", slot.large, slot.small), make("span", "words", slot.name, " ", slot.sure));
  slot.button.type = "button";
  slot.button.addEventListener("click", () => openOwn(slot));
  byId("own-tiles").append(slot.button);
  return slot;
}

const putOwn = (canvas, genome) => put(canvas, draw(genome, native(own.shape), own.shape), own.shape.width, own.shape.height, own.shape.channels);

function paintOwnTile({ genome, odds, index, large, small, name, sure, button }) {
  paint(large, genome, LARGE, own.shape);
  putOwn(small, genome);
  name.textContent = nameOf(index);
  sure.textContent = percent(odds);
  button.classList.toggle("is-sure", odds >= oddsOf(0.99));
}

function openOwn({ genome, odds, index }) {
  byId("own-title-large").textContent = nameOf(index);
  byId("own-sure").textContent = `The network is ${percent(odds)} sure of it. Beside the drawing are the pixels that it gets.`;
  paint(byId("own-drawing"), genome, LARGE_OWN, own.shape);
  putOwn(byId("own-pixels"), genome);
  const file = nameOf(index).replace(/[^\p{L}\p{N}]+/gu, "-");
  Object.assign(byId("own-image"), { href: byId("own-pixels").toDataURL("image/png"), download: `${file}.png` });
  Object.assign(byId("own-genome"), { href: `data:application/json;base64,${btoa(JSON.stringify(genome))}`, download: `${file}.json` });
  byId("own-large").showModal();
}

function readNames(text) {
  own.names = text.split("\n").map((line) => line.trim().slice(0, 100));
  own.slots.forEach((slot) => slot.image && paintOwnTile(slot));
}

async function takeFiles(files) {
  for (const file of files) {
    if (file.name.endsWith(".txt")) readNames((byId("own-names").value = await file.text()));
    else if (file.size > LARGEST_FILE) say(`${file.name} has ${Math.round(file.size / 1e6).toLocaleString("en")} MB; here a file may have ${LARGEST_FILE / 1e6} MB.`);
    else {
      say(`Opening ${file.name} …`);
      openModel(new Uint8Array(await file.arrayBuffer()));
    }
  }
}

// The networks that the site supplies take the same way as a file.
async function takeSupplied({ currentTarget }) {
  const { address, names, scaling } = currentTarget.dataset;
  say(`Loading ${currentTarget.textContent} …`);
  byId("own-file").value = "";
  try {
    const answer = await fetch(address);
    if (!answer.ok) throw new Error(`the site answers ${answer.status}`);
    readNames((byId("own-names").value = names));
    openModel(new Uint8Array(await answer.arrayBuffer()), undefined, scaling);
  } catch (error) {
    say(`It cannot be loaded: ${error.message}.`);
  }
}

if (byId("own-file")) {
  byId("own-file").addEventListener("change", ({ currentTarget }) => takeFiles([...currentTarget.files]));
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    takeFiles([...event.dataTransfer.files]);
  });
  for (const button of document.querySelectorAll("button[data-address]")) button.addEventListener("click", takeSupplied);
  byId("own-names").addEventListener("input", ({ currentTarget }) => readNames(currentTarget.value));
  byId("own-scaling").addEventListener("change", searchAgain);
  byId("own-size").addEventListener("change", ({ currentTarget }) => currentTarget.reportValidity() && openModel(own.model, Number(currentTarget.value), byId("own-scaling").value));
  byId("own-stop").addEventListener("click", () => own.worker.postMessage({ own: { stop: true } }));
  byId("own-again").addEventListener("click", searchAgain);
  byId("own-close").addEventListener("click", () => byId("own-large").close());
  document.addEventListener("visibilitychange", () => own.worker?.postMessage({ own: { held: document.hidden } }));
}
