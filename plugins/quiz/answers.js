"use strict";
const { quiz, title, nothing: NOTHING, offersNothing, inOrder, choices: CHOICES, pictures, key } = JSON.parse(
  document.getElementById("told").textContent,
);
const SURE = ["just guessing", "not sure", "fairly sure", "certain"];
const COLUMNS = [
  ..."quiz player question image kind design condition run seed class known_by confidence".split(" "),
  ...CHOICES, "answer", "sure", "seconds",
];
const player = [...crypto.getRandomValues(new Uint8Array(6))]
  .map((byte) => byte.toString(16).padStart(2, "0")).join("");

const shuffle = (things) => {
  const mixed = [...things];
  for (let last = mixed.length - 1; last > 0; last--) {
    const other = Math.floor(Math.random() * (last + 1));
    [mixed[last], mixed[other]] = [mixed[other], mixed[last]];
  }
  return mixed;
};

// Each player sees the images, and few classes that are offered, in an order of their own; many stay in their places.
const offer = (question) => {
  const names = CHOICES.filter((name) => name in question).map((name) => question[name]);
  return [...(inOrder ? names : shuffle(names)), ...(offersNothing ? [NOTHING] : [])];
};
const questions = shuffle(JSON.parse(atob(key))).map((question, place) => ({
  ...question, quiz, player, question: place + 1,
  picture: pictures[question.image - 1],
  offered: offer(question),
}));

const cell = (value) => {
  // A spreadsheet would take it for a formula.
  const text = String(value ?? "").replace(/^[=+\-@\t\r]/, "'$&");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

const asCsv = (answers) => {
  const rows = answers.map((answer) => {
    const offered = CHOICES.map((name, place) => [name, answer.offered[place]])
      .filter(([, choice]) => choice !== NOTHING);
    const row = { ...answer, ...Object.fromEntries(offered) };
    return COLUMNS.map((name) => cell(row[name])).join(",");
  });
  return [COLUMNS.join(","), ...rows, ""].join("\n");
};

const save = (answers) => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([asCsv(answers)], { type: "text/csv" }));
  link.download = `answers-${player}.csv`;
  link.click();
};
