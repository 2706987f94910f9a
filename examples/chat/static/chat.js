// The page of one room. The server sends JSON, one object for each thing that happens; what people write is put
// into the page as text, never as HTML.

const LONGEST_WAIT = 30; // Seconds between two attempts to connect.
const MOST_SHOWN = 500; // Messages on the page.
const NAME_REFUSED = 4001; // A close code of the server's own.

const find = (id) => document.getElementById(id);
const [log, messages, people, problem] = ["log", "messages", "people", "problem"].map(find);
const [enter, nameField, say, textField] = ["enter", "name", "say", "text"].map(find);

let socket;
let timer;
let attempts = 0; // Since the last time that there was a connection.
let wasIn = false; // Whether the server has let this name in before.
let sent = ""; // The last text that was sent, in case that it is refused.

find("room").textContent = decodeURIComponent(location.pathname.split("/").at(-1));
document.title = `${find("room").textContent} – Chat`;

// -- the connection ------------------------------------------------------------------------------------------

function connect() {
  clearInterval(timer);
  show("connecting");
  const url = new URL(`${location.pathname}/socket`, location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.searchParams.set("name", nameField.value);
  socket = new WebSocket(url);
  socket.addEventListener("message", (event) => take(JSON.parse(event.data)));
  socket.addEventListener("close", (event) => {
    if (event.code === NAME_REFUSED && !wasIn) {
      askForName(event.reason);
    } else {
      waitAndConnect();
    }
  });
}

// Twice as long after each attempt, and not everybody at one moment.
function waitAndConnect() {
  const wait = Math.min(2 ** attempts++, LONGEST_WAIT) * (0.5 + Math.random() / 2);
  const then = Date.now() + 1000 * wait;
  const tick = () => {
    const left = Math.ceil((then - Date.now()) / 1000);
    if (left > 0) {
      show("reconnecting", ` in ${left} s`);
    } else {
      connect();
    }
  };
  tick();
  timer = setInterval(tick, 250);
}

function connectNow() {
  if (wasIn && socket.readyState === WebSocket.CLOSED) {
    connect();
  }
}

find("retry").addEventListener("click", connectNow);
addEventListener("online", connectNow);
document.addEventListener("visibilitychange", () => document.hidden || connectNow());

function show(state, wait = "") {
  if (find("state").textContent !== state) {
    find("state").textContent = state;
  }
  find("wait").textContent = wait;
  find("connection").className = state === "connected" ? "open" : "";
  find("retry").hidden = wait === "";
  find("send").disabled = state !== "connected";
}

// -- what the server says ------------------------------------------------------------------------------------

function take(event) {
  switch (event.type) {
    case "welcome":
      welcome(event);
      break;
    case "said":
      addMessage(event);
      break;
    case "joined":
    case "left":
      addNews(`${event.name} has ${event.type}`);
      break;
    case "refused":
      problem.textContent = event.reason;
      textField.value ||= sent;
  }
  if (event.people) {
    people.replaceChildren(...event.people.map((name) => element("li", name)));
  }
}

function welcome(event) {
  show("connected");
  attempts = 0;
  nameField.value = event.name;
  if (!wasIn) {
    wasIn = true;
    problem.textContent = "";
    sessionStorage.setItem("name", nameField.value);
    enter.hidden = true;
    say.hidden = false;
    textField.focus();
  }
}

// After each new connection come the last messages, with what was said meanwhile; most are on the page already.
function addMessage({ id, time, name, text }) {
  if (find(id)) {
    return;
  }
  const when = new Date(1000 * time);
  const head = element("strong", name);
  const clock = element("time", when.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }));
  clock.dateTime = when.toISOString();
  const item = element("li", head, clock, element("p", text));
  item.id = id;
  item.classList.toggle("own", name === nameField.value);
  add(item);
}

function addNews(text) {
  const item = element("li", text);
  item.className = "news";
  add(item);
}

function add(item) {
  const wasAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  messages.append(item);
  if (messages.children.length > MOST_SHOWN) {
    messages.firstElementChild.remove();
  }
  if (wasAtEnd) {
    log.scrollTop = log.scrollHeight;
  }
}

// `append` makes text of strings, whatever is in them.
function element(tag, ...content) {
  const made = document.createElement(tag);
  made.append(...content);
  return made;
}

// -- what the person does ------------------------------------------------------------------------------------

function askForName(reason) {
  show("not connected");
  problem.textContent = reason;
  nameField.focus();
}

enter.addEventListener("submit", (event) => {
  event.preventDefault();
  connect();
});

say.addEventListener("submit", (event) => {
  event.preventDefault();
  if (socket.readyState === WebSocket.OPEN) {
    sent = textField.value;
    socket.send(JSON.stringify({ text: sent }));
    textField.value = "";
    problem.textContent = "";
  }
});

nameField.value = sessionStorage.getItem("name") ?? "";
if (nameField.value) {
  connect();
} else {
  nameField.focus();
}
