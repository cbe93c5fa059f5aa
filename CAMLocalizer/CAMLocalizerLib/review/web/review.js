// Interactions of the review: the latest value wins while a slider moves, keys, upload, dialogs. What is shown comes from the server.
(() => {
  const held = window.Vue.reactive({ tab: "cases" }); // positions of sliders that are being moved, and the progress of an upload
  const queues = {}; // one per slider: at most one action is running, the latest waits
  const SLICES = ["Red", "Green", "Yellow"];
  const VIEWS = ["Red", "ThreeD", "Green", "Yellow"];
  const SMALLEST_STEPS = 100;
  const LARGEST_ML = 20;
  const SHOWN_MS = 100; // what an action changed is shown a little after its response
  let hovered = "Red";

  const state = (name) => window.trame.state.get(name);
  const act = (action, ...values) => window.trame.trigger(action, values);

  function send(name, action, values) {
    const queue = (queues[name] ??= { busy: false, waiting: null });
    return new Promise((done) => {
      const earlier = queue.waiting?.done;
      queue.waiting = { action, values, done: () => (earlier?.(), done()) };
      if (!queue.busy) drain(queue);
    });
  }

  async function drain(queue) {
    queue.busy = true;
    while (queue.waiting) {
      const { action, values, done } = queue.waiting;
      queue.waiting = null;
      try {
        await act(action, ...values);
      } finally {
        done();
      }
    }
    queue.busy = false;
  }

  function slide(name, event, action = name, ...before) {
    held[name] = Number(event.target.value);
    send(name, action, [...before, meaning(name, held[name]), true]);
  }

  async function settle(name, event, action = name, ...before) {
    const value = Number(event.target.value);
    held[name] = value;
    await send(name, action, [...before, meaning(name, value), false]);
    setTimeout(() => held[name] === value && delete held[name], SHOWN_MS);
  }

  // A check box goes back to what the server holds, if an action was refused.
  async function check(event, action, ...values) {
    const box = event.target;
    await act(action, ...values);
    setTimeout(() => (box.checked = box.dataset.on === "true"), SHOWN_MS);
  }

  // The slider of the smallest component is finer near 0.
  const to_ml = (position) => Math.round((position / SMALLEST_STEPS) ** 3 * LARGEST_ML * 1000) / 1000;
  const to_slider = (volume) => Math.round(Math.cbrt(Math.min(volume, LARGEST_ML) / LARGEST_ML) * SMALLEST_STEPS);
  const meaning = (name, value) => (name === "smallest" ? to_ml(value) : value);
  const ml = (position) => (position > 0 ? `${to_ml(position).toFixed(position < 40 ? 2 : 1)} ml` : "all are kept");

  // Where the line in the histogram stands: at once while a level is dragged.
  const line = (threshold) => (threshold.method === "fixed" ? held.threshold ?? threshold.value : threshold.value);
  const slice = (view, get, part) => get(`slice_${view}`).value[part];
  const brightness = (look) => 1 - (look.level - look.low) / (look.high - look.low || 1);
  const contrast = (look) => 1 - Math.min(1, look.width / (look.high - look.low || 1));

  const METHOD_HINTS = {
    fixed: "A level of the activation, 0 to 1",
    percentile: "The part of the scan that stays below the threshold",
    otsu: "Otsu: the level that separates high from low best",
  };
  const method_hint = (method) => METHOD_HINTS[method];

  function image_text(images, index) {
    if (images.kind === "projection")
      return images.labels.map((label, at) => `${label}: ${Math.round(100 * images.probabilities[at])} %`).join(", ");
    if (index < 0) return "";
    return `${images.labels[index] ?? `${images.kind} ${index + 1}`}: ${Math.round(100 * images.probabilities[index])} %`;
  }

  // What was accepted belongs to the scan that is left.
  const may_leave = (question) =>
    !state("accepted").unsaved || window.confirm(`What you accepted was not exported yet and will be lost. ${question}`);

  const may_run = () => !state("run").question || window.confirm(state("run").question);
  const run = () => !state("run").running && may_run() && act("run");

  function open_scan(event) {
    if (event.target.value !== state("scan").value && !may_leave("Open another scan?")) {
      event.target.value = state("scan").value;
      return;
    }
    act("open", event.target.value);
  }

  const open = (id) => document.getElementById(id)?.showModal();
  const enlarge = (view) => {
    if (document.body.dataset.big === view) delete document.body.dataset.big;
    else document.body.dataset.big = view;
  };

  // Worklist

  const ROW_PX = 60; // height of a case in the list
  const worklist_on = () => state("worklist").on;
  const leave = (action, ...values) => may_leave("Open another case?") && act(action, ...values);

  // What can lose accepted segments asks first: an answer may go on to the next case.
  function answer(key) {
    const going_on = state("worklist").goes_on && !state("worklist").labels_slices && !["Backspace", "y"].includes(key); // Y keeps what was accepted
    if (!going_on || may_leave("Answer and go on?")) act("answer", key);
  }

  function search(event) {
    const given = new FormData(event.target);
    return act("search", ...["date", "modality", "description", "number"].map((name) => given.get(name)));
  }

  function scroll_cases(event) {
    const first = Math.floor(event.target.scrollTop / ROW_PX);
    send("cases", "cases", [first]);
  }

  // Another case was opened: the list shows it, unless it does already.
  let shown_case = 0;
  function follow_case() {
    const { id, index } = state("current_case");
    const list = document.querySelector(".cases");
    if (id === shown_case || index < 0 || !list) return;
    shown_case = id;
    const top = index * ROW_PX;
    if (top < list.scrollTop || top + ROW_PX > list.scrollTop + list.clientHeight)
      list.scrollTop = Math.max(0, top - list.clientHeight / 2);
  }

  function answer_key(event) {
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (key === "j") return () => leave("next_case");
    if (key === "k") return () => leave("previous_case");
    if (key === "m") return () => act("label_slices", !state("worklist").labels_slices);
    if (event.shiftKey && /^Digit[1-4]$/.test(event.code)) return () => enlarge(VIEWS[Number(event.code.at(-1)) - 1]);
    if (state("answers").buttons.some((button) => button.key === key)) return () => answer(key);
    return /^[1-9r]$/.test(key) ? () => {} : null;
  }

  function pick(view, event) {
    const box = event.currentTarget.getBoundingClientRect();
    if (!SLICES.includes(view)) return;
    act("pick", view, (event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
  }

  // Uploads

  function send_file(file) {
    const request = new XMLHttpRequest();
    request.open("POST", `upload?name=${encodeURIComponent(file.name)}`);
    request.upload.onprogress = ({ loaded, total }) => (held.upload = `Uploading ${file.name}: ${Math.floor((100 * loaded) / total)} %`);
    request.onloadend = () => {
      delete held.upload;
      const answer = request.response ? JSON.parse(request.response) : {};
      if (request.status === 200) act("open", answer.name);
      else act("report_error", answer.error || "The upload was interrupted.");
    };
    held.upload = `Uploading ${file.name}`;
    request.send(file);
  }

  function upload(event) {
    const [file] = event.target.files;
    event.target.value = "";
    if (file && may_leave("Open another scan?")) send_file(file);
  }

  function drop(event) {
    const [file] = event.dataTransfer.files;
    if (file && !worklist_on() && may_leave("Open another scan?")) send_file(file);
  }

  // Keys

  function nudge(slider, direction, large) {
    const input = document.querySelector(`[data-slide="${slider}"]`);
    if (!input || input.disabled) return;
    const step = Number(input.step) * (large ? 5 : 1);
    input.value = Number(input.value) + direction * step;
    input.dispatchEvent(new Event("input"));
    input.dispatchEvent(new Event("change"));
  }

  const PLAIN = {
    r: run,
    a: () => act("accept"),
    e: () => act("export"),
    o: () => act("look", "overlay", !state("look").overlay),
    l: () => act("look", "outline", !state("look").outline),
    f: () => act("fit"),
    n: () => act("next_component", 1),
    p: () => act("next_component", -1),
    x: () => act("toggle_shown"),
    "?": () => open("help"),
    0: () => delete document.body.dataset.big,
    Escape: () => state("run").running && act("cancel"),
    ArrowUp: () => act("step", SLICES.includes(hovered) ? hovered : "Red", 1),
    ArrowDown: () => act("step", SLICES.includes(hovered) ? hovered : "Red", -1),
    ArrowLeft: (event) => nudge("threshold", -1, event.shiftKey),
    ArrowRight: (event) => nudge("threshold", 1, event.shiftKey),
  };
  VIEWS.forEach((view, index) => (PLAIN[index + 1] = () => enlarge(view)));
  const WITH_CONTROL = {
    z: (event) => act(event.shiftKey ? "redo" : "undo"),
    y: () => act("redo"),
  };

  function on_key(event) {
    const { target } = event;
    if (document.querySelector("dialog[open]") || target.matches("select, input[type=text], input[type=number]")) return;
    if (target.matches("input[type=range]") && event.key.startsWith("Arrow")) return;
    if (event.altKey) return;
    const keys = event.ctrlKey || event.metaKey ? WITH_CONTROL : PLAIN;
    const own = keys === PLAIN && worklist_on() ? answer_key(event) : null;
    const action = own ?? keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action) return;
    event.preventDefault();
    action(event);
  }

  // The server tells by counting up that an export is complete.
  let exports = state("exported")?.count ?? 0;
  window.trame.state.addListener(({ type, keys }) => {
    if (type === "dirty-state" && keys.includes("current_case")) setTimeout(follow_case);
    if (type !== "dirty-state" || !keys.includes("exported") || state("exported").count <= exports) return;
    exports = state("exported").count;
    open("exported");
  });

  document.addEventListener("keydown", on_key);
  document.addEventListener("contextmenu", (event) => event.target.closest(".view") && event.preventDefault());

  window.trame.utils.review = {
    held, act, method_hint, run, check, slide, settle, line, slice, ml, to_slider, brightness, contrast, image_text, open, open_scan, enlarge, pick,
    leave, answer, search, scroll_cases,
    upload, drop, choose_file: () => document.getElementById("upload").click(), enter: (view) => (hovered = view),
  };
})();
