// The keypad: plays what the service says, tells it which keys are pressed, and shows what would have been kept.
// What a key means, and how long one waits for it, is decided by the service.

const TEXTS = {
  en: {
    about: "You hear and answer this survey as a caller does. What you press is kept as a trial and never counted.",
    language: "Language", phone: "Phone", said: "What is said", keys: "Keys", answers: "Answers", star: "star", hash: "hash",
    call: "Call", call_again: "Call again", hang_up: "Hang up",
    pretend: "The call before it (optional)", queue: "Queue", team: "Agent's team", reason: "Reason",
    ready: "Press Call. Your keyboard works, too.",
    calling: "Calling …", playing: "Speaking …", waiting: "Waiting for a key: {seconds} s", over: "The call is over.",
    recording: "A caller would be recorded now. Any key goes on.",
    chosen: "Reason: {reason}.", given: "Code: {code}.",
    pressed: "Keys", question: "Question", value: "Value", tries: "Tries", ended: "How it ended",
    kept: "Kept as {trial}, version {version}. Trials are never counted.",
    lost: "The connection was lost. The link may have expired.",
    silent: "Some sounds could not be played; what they say is shown.",
    outcomes: {
      completed: "Completed: every question was answered", partial: "Partial: not every question was answered",
      no_input: "No input: nothing was answered", hung_up: "Hung up before the first answer",
      failed: "Failed: it broke off by no fault of the caller",
    },
    ends: {
      answered: "answered", no_input: "no input", no_match: "only wrong keys", hung_up: "hung up", failed: "failed",
      recorded: "recorded", skipped: "skipped",
    },
  },
  zh: {
    about: "您听到的和回答的与来电者一样。您的按键作为试用保存，绝不计入任何统计。",
    language: "语言", phone: "电话", said: "播放的内容", keys: "按键", answers: "回答", star: "星号", hash: "井号",
    call: "呼叫", call_again: "再次呼叫", hang_up: "挂断",
    pretend: "之前的通话（可不填）", queue: "队列", team: "座席团队", reason: "来电原因",
    ready: "按“呼叫”开始，也可用键盘按键。",
    calling: "正在呼叫……", playing: "正在播放……", waiting: "等待按键：{seconds} 秒", over: "通话已结束。",
    recording: "此时会给来电者录音。按任意键继续。",
    chosen: "来电原因：{reason}。", given: "代码：{code}。",
    pressed: "按键", question: "问题", value: "值", tries: "次数", ended: "结果",
    kept: "已保存为 {trial}，版本 {version}。试用绝不计入统计。",
    lost: "连接已断开。链接可能已过期。",
    silent: "有些语音无法播放，其内容已显示。",
    outcomes: {
      completed: "完成：所有问题都已回答", partial: "部分完成：并非所有问题都已回答",
      no_input: "无输入：没有回答任何问题", hung_up: "在第一个回答之前挂断", failed: "失败：中断，并非来电者的原因",
    },
    ends: {
      answered: "已回答", no_input: "无输入", no_match: "只有无效按键", hung_up: "已挂断", failed: "失败",
      recorded: "已录音", skipped: "已跳过",
    },
  },
};
const KEYS = "0123456789*#";
// Where there is no sound, a text is shown for about as long as it takes to say it: seconds in all, and for each sign.
const READING = { least: 0.8, latin: 0.06, other: 0.22 };

const $ = (id) => document.getElementById(id);
const flowLanguages = document.documentElement.dataset.languages.split(" ");
const preferred = navigator.language.replace("-", "_");
let language = flowLanguages.find((code) => code === preferred)
  ?? flowLanguages.find((code) => code.split("_")[0] === preferred.split("_")[0]) ?? flowLanguages[0];
let texts = TEXTS.en;
let socket = null;
let step = null; // what is played or waited for now
let stateText = () => texts.ready;
const sound = new Audio();

function setLanguage(code) {
  language = code;
  const spoken = code.split("_")[0];
  texts = TEXTS[spoken] ?? TEXTS[preferred.split("_")[0]] ?? TEXTS.en;
  document.documentElement.lang = texts === TEXTS.zh ? "zh" : "en";
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = texts[element.dataset.text];
  for (const element of document.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", texts[element.dataset.label]);
  }
  showState();
}

function offerLanguages() {
  for (const code of flowLanguages) {
    const label = document.createElement("span");
    const input = document.createElement("input");
    input.type = "radio";
    input.name = "language";
    input.id = `language-${code}`;
    input.checked = code === language;
    input.addEventListener("change", () => setLanguage(code));
    const name = document.createElement("label");
    name.htmlFor = input.id;
    name.lang = code.replace("_", "-");
    name.textContent = new Intl.DisplayNames([name.lang], { type: "language" }).of(name.lang);
    label.append(input, name);
    $("languages").append(label);
  }
  $("languages").hidden = flowLanguages.length === 1;
}

function showState(text = stateText) {
  stateText = text;
  $("state").textContent = stateText();
}

function write(text, kind, lang) {
  const line = document.createElement("p");
  line.textContent = text;
  line.className = kind;
  if (lang) line.lang = lang.replace("_", "-");
  $("said").append(line);
  $("said").scrollTop = $("said").scrollHeight;
}

function send(message) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

function call() {
  $("said").replaceChildren();
  $("result").hidden = true;
  $("note").hidden = true;
  const address = new URL(`${location.pathname}/socket${location.search}`, location.href);
  address.protocol = address.protocol.replace("http", "ws");
  socket = new WebSocket(address);
  const [queue, team, reason] = ["queue", "team", "reason"].map((id) => $(id).value.trim());
  const call = { do: "call", language, queue, team, reason };
  socket.addEventListener("open", () => send(call));
  socket.addEventListener("message", (event) => receive(JSON.parse(event.data)));
  socket.addEventListener("close", () => { if (socket) end(() => texts.lost); });
  setBusy(true);
  showState(() => texts.calling);
}

function setBusy(busy) {
  for (const key of document.querySelectorAll("[data-key]")) key.disabled = !busy;
  for (const input of document.querySelectorAll("#languages input, #pretend input")) input.disabled = busy;
  const hadFocus = document.activeElement === $("call") || document.activeElement === $("hang-up");
  $("call").hidden = busy;
  $("hang-up").hidden = !busy;
  if (busy && hadFocus) $("hang-up").focus();
}

function end(state) {
  stop();
  socket?.close();
  socket = null;
  step = null;
  setBusy(false);
  if (document.activeElement === document.body) $("call").focus();
  $("call").dataset.text = "call_again";
  $("call").textContent = texts.call_again;
  showState(state);
}

function receive(message) {
  stop();
  if (message.do === "result") {
    end(() => texts.over);
    showResult(message);
  } else if (message.do === "error") {
    end(() => message.text);
  } else {
    play(message);
  }
}

// Ends what is being played or waited for. The keys of a step still count until the service sends the next one.
function stop() {
  if (!step) return;
  step.over = true;
  step.skip?.();
  clearInterval(step.counting);
  sound.pause();
}

async function play(message) {
  const mine = {
    number: message.step, asks: message.do === "ask", cut: message.barge_in, over: false, // over: nothing more is played
    seconds: message.timeout_seconds, keySeconds: message.key_timeout_seconds,
  };
  step = mine;
  showState(() => (message.do === "record" ? texts.recording : texts.playing));
  for (const prompt of message.prompts) {
    if (mine.over) return;
    write(prompt.text, "prompt", prompt.language);
    if (!(await heard(prompt.sound, mine))) await shown(prompt.text, mine);
  }
  if (mine.over) return;
  send({ do: "played", step: mine.number });
  mine.cut = true;
  if (mine.asks) countDown(mine, mine.seconds);
}

function heard(address, mine) {
  return new Promise((resolve) => {
    mine.skip = () => resolve(true);
    sound.onended = () => resolve(true);
    sound.onerror = () => resolve(false);
    sound.src = address;
    sound.play().catch(() => resolve(mine.over));
  });
}

function shown(text, mine) {
  $("note").hidden = false;
  let seconds = READING.least;
  for (const sign of text) seconds += sign.codePointAt(0) < 0x2e80 ? READING.latin : READING.other;
  return new Promise((resolve) => {
    mine.skip = resolve;
    setTimeout(resolve, seconds * 1000);
  });
}

function countDown(mine, seconds) {
  const until = performance.now() + seconds * 1000;
  const left = () => Math.max(0, Math.ceil((until - performance.now()) / 1000));
  const show = () => showState(() => texts.waiting.replace("{seconds}", left()));
  show();
  mine.counting = setInterval(show, 250);
}

function press(key) {
  if (!socket || !step) return;
  send({ do: "key", step: step.number, key });
  write(key, "pressed");
  // While something is only said, or may not be cut short, keys are lost, as on a telephone.
  if (!step.asks || !step.cut) return;
  stop();
  countDown(step, step.keySeconds);
}

function showResult(result) {
  $("outcome").textContent = texts.outcomes[result.outcome] ?? result.outcome;
  $("answers").replaceChildren(...result.answers.map((answer) => {
    const row = document.createElement("tr");
    const cells = [answer.question, answer.keys, answer.value, answer.tries, texts.ends[answer.ended] ?? answer.ended];
    for (const text of cells) {
      const cell = document.createElement("td");
      cell.textContent = text === null || text === "" ? "–" : text;
      row.append(cell);
    }
    row.dataset.ended = answer.ended;
    return row;
  }));
  const more = [];
  if (result.reason) more.push(texts.chosen.replace("{reason}", result.reason));
  if (result.incentive) more.push(texts.given.replace("{code}", result.incentive));
  $("more").textContent = more.join(" ");
  $("kept").textContent = texts.kept.replace("{trial}", result.trial).replace("{version}", result.flow_version.slice(0, 12));
  $("result").dataset.outcome = result.outcome;
  $("result").hidden = false;
  $("outcome").focus();
}

$("call").addEventListener("click", call);
$("hang-up").addEventListener("click", () => {
  if (socket?.readyState === WebSocket.OPEN) send({ do: "hang_up" });
  else end(() => texts.over);
});
for (const button of document.querySelectorAll("[data-key]")) {
  button.addEventListener("click", () => press(button.dataset.key));
}
document.addEventListener("keydown", (event) => {
  if (!socket || event.repeat || event.ctrlKey || event.altKey || event.metaKey || !KEYS.includes(event.key)) return;
  const button = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  event.preventDefault();
  button.classList.add("down");
  setTimeout(() => button.classList.remove("down"), 150);
  press(event.key);
});
offerLanguages();
setLanguage(language);
