
const find = (id) => document.getElementById(id);
const make = (name, text, kind = "") =>
  Object.assign(document.createElement(name), { textContent: text, className: kind });
const TOO_SOON = 250; // milliseconds: the second half of a double tap is no answer
const MANY = 8;
const answers = [];
let saved = false;

const show = (id) => {
  for (const section of document.querySelectorAll("main > section")) section.hidden = section.id !== id;
  scrollTo(0, 0);
};

// Letters, as a digit might be taken for a class. Names of one character, as digits are, are their own keys.
const keysOf = (names) => {
  const own = names.map((name) => (name === NOTHING ? "-" : name).toUpperCase());
  const fit = own.every((key) => [...key].length === 1) && new Set(own).size === own.length;
  const letters = names.length > 26 ? "" : "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  return fit ? own : names.map((_, place) => letters[place] ?? "");
};

// Buttons, which keys choose, too; gives the place of the one that was chosen.
const choose = (title, names) => new Promise((resolve) => {
  const start = performance.now();
  const keys = keysOf(names);
  const pick = (place) => {
    if (performance.now() - start < TOO_SOON) return;
    removeEventListener("keydown", onKey);
    resolve(place);
  };
  const onKey = (event) => {
    const place = keys.indexOf(event.key.toUpperCase());
    if (event.ctrlKey || event.altKey || event.metaKey || event.repeat || place < 0) return;
    event.preventDefault();
    pick(place);
  };
  find("what").textContent = title;
  find("offers").classList.toggle("many", names.length > MANY);
  find("offers").replaceChildren(...names.map((name, place) => {
    const button = make("button", "", name === NOTHING ? "nothing" : "");
    button.type = "button";
    button.append(...(keys[place] ? [make("kbd", keys[place])] : []), make("bdi", name));
    button.addEventListener("click", () => pick(place));
    return button;
  }));
  find("what").focus({ preventScroll: true });
  addEventListener("keydown", onKey);
});

const ask = async (question) => {
  const done = answers.length;
  const progress = document.querySelector(".progress");
  progress.setAttribute("aria-valuenow", done);
  progress.firstElementChild.style.width = `${(100 * done) / questions.length}%`;
  find("place").textContent = `${done + 1} of ${questions.length}`;
  document.querySelector(".question").classList.toggle("long", question.offered.length > MANY);
  find("picture").src = question.picture;
  await find("picture").decode();
  const start = performance.now();
  const chosen = await choose(title, question.offered);
  const seconds = ((performance.now() - start) / 1000).toFixed(2);
  const sure = 1 + (await choose("How sure are you?", SURE));
  answers.push({ ...question, answer: question.offered[chosen], seconds, sure });
};

const isRight = (answer) => answer.answer === answer.class;

const card = (answer) => {
  const figure = make("figure", "", "card");
  const picture = make("img", "", "picture pixels");
  picture.src = answer.picture;
  picture.alt = `image ${answer.question}`;
  const caption = document.createElement("figcaption");
  const cut = (Math.floor(1000 * answer.confidence) / 10).toFixed(1);
  const sure = answer.confidence > 0.9999 ? "> 99.99 %" : `${cut} %`;
  const what = { evolved: `evolved; the network: ${sure}`, photograph: "a real image", noise: "random pixels" };
  caption.append(
    make("bdi", answer.class, "name"),
    make("span", what[answer.kind], "quiet"),
    make("span", `you: ${answer.answer}`, isRight(answer) ? "right" : ""),
  );
  figure.append(picture, caption);
  return figure;
};

const results = (kind, title) => {
  const those = answers.filter((answer) => answer.kind === kind);
  if (!those.length) return [];
  const right = those.filter(isRight).length;
  const row = document.createElement("tr");
  const bar = make("td", "", "bar");
  bar.append(document.createElement("span"));
  bar.firstChild.style.width = `${(100 * right) / those.length}%`;
  row.append(make("th", title), bar, make("td", `${right} of ${those.length}`));
  return [row];
};

const times = (count) => `${count} ${count === 1 ? "time" : "times"}`;

const finish = () => {
  const evolved = answers.filter((answer) => answer.kind === "evolved");
  const right = evolved.filter(isRight).length;
  const none = evolved.filter((answer) => answer.answer === NOTHING).length;
  const chance = evolved.reduce((sum, answer) => sum + 1 / answer.offered.length, 0);
  find("score").textContent = `You and the network agree on ${right} of ${evolved.length}`;
  find("meaning").textContent =
    `${evolved.length} images were not made from any photograph or handwriting. ` +
    "They were evolved until an image classifier was sure of a class. " +
    `You named that class ${times(right)}${offersNothing ? `, and said nothing at all ${times(none)}` : ""}. ` +
    `Guessing among all that was offered would name it about ${times(Math.round(chance))}.`;
  find("results").append(
    ...results("evolved", "evolved images, named as by the network"),
    ...results("photograph", "real images, named right"),
    ...results("noise", "noise, called nothing at all"),
  );
  const guessed = answers.some((answer) => answer.kind === "photograph" && answer.known_by === "network");
  find("known").textContent =
    "The class, what it is, and your answer." +
    (guessed ? " Real images have no labels here: their class is what the network says." : "");
  find("seen").append(...answers.map(card));
  show("end");
  find("score").focus();
};

const play = async () => {
  removeEventListener("keydown", onEnter);
  show("ask");
  for (const question of questions) await ask(question);
  finish();
};

const onEnter = (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  play();
};
addEventListener("keydown", onEnter);
find("begin").addEventListener("click", play, { once: true });
find("save").addEventListener("click", () => {
  save(answers);
  saved = true;
  find("saved").textContent = `Saved as answers-${player}.csv, among your downloads.`;
});
addEventListener("beforeunload", (event) => {
  if (answers.length && !saved) event.preventDefault();
});
