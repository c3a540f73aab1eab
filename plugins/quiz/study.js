
// jsPsych shows texts as HTML.
const plain = (text) => Object.assign(document.createElement("i"), { textContent: text }).innerHTML;
const jsPsych = initJsPsych({ show_progress_bar: true });
const answers = [];

const ask = (question) => [
  {
    type: jsPsychImageButtonResponse,
    stimulus: question.picture,
    render_on_canvas: false,
    choices: question.offered.map(plain),
    grid_rows: null,
    grid_columns: 2,
    prompt: "<p>What is it?</p>",
    data: { task: "what", ...question },
    on_finish: (data) => {
      data.answer = question.offered[data.response];
      answers.push({ ...question, answer: data.answer, seconds: (data.rt / 1000).toFixed(2) });
    },
  },
  {
    type: jsPsychHtmlButtonResponse,
    stimulus: "<p>How sure are you?</p>",
    choices: SURE,
    grid_rows: null,
    grid_columns: 1,
    data: { task: "sure", image: question.image },
    on_finish: (data) => (answers.at(-1).sure = data.response + 1),
  },
];

jsPsych.run([
  { type: jsPsychPreload, images: pictures },
  {
    type: jsPsychHtmlButtonResponse,
    stimulus:
      `<p>You will see ${questions.length} images. Say of each what it is.</p><p>If it is none of what is ` +
      `offered, or nothing that you know, say <em>${NOTHING}</em>.</p><p>Then say how sure you are.</p>`,
    choices: ["Begin"],
  },
  ...questions.flatMap(ask),
  {
    // A study on a server sends `answers`, or jsPsych.data.get(), from here.
    type: jsPsychHtmlButtonResponse,
    stimulus: "<p>Thank you! Please save your answers.</p>",
    choices: ["Save"],
    on_finish: () => save(answers),
  },
]);
