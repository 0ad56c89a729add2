// Opens pages in a headless Chromium: `node browse.mjs SERVICE OTHER`, two origins. Prints what the page of examples/browser at
// SERVICE and a page of OTHER get to see, as JSON.
import { createServer } from "node:http";
import { chromium } from "playwright-core";

const [service, other] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox"] });
const seen = { version: browser.version() };
const context = await browser.newContext();

// The page's own functions.
const own = await context.newPage();
await own.goto(service + "/");
const here = (name, act) => own.evaluate(act).then((value) => { seen[name] = value; });
await here("signed out: socket by cookie", () => greeting(openByCookie()));
await here("signed out: events by cookie", () => firstEvent(listenByCookie()));
await here("socket by protocol", () => greeting(openByProtocol()));
await here("socket by protocol, with another", () => greeting(new WebSocket(socketUrl, ["chat", "bearer", encodeURIComponent(token())])));
await here("socket by unknown protocol token", () => greeting(new WebSocket(socketUrl, ["bearer", "unknown"])));
await here("socket by query", () => greeting(openByQuery()));
await here("events by query", () => firstEvent(listenByQuery()));
await here("sign in", () => signIn());
await here("socket by cookie", () => greeting(openByCookie()));
await here("events by cookie", () => firstEvent(listenByCookie()));
await here("fetch by cookie", () => fetch("/me").then((answer) => answer.status));
await here("scripts see of the cookie", () => document.cookie);

// A page of another origin on the same host, to which the browser sends the same cookies.
const server = createServer((_, response) => response.end("<!doctype html><title>other</title>"));
await new Promise((resolve) => server.listen(new URL(other).port, "127.0.0.1", resolve));
const elsewhere = await context.newPage();
await elsewhere.goto(other + "/");
const there = async (name, act) => { seen["other origin: " + name] = await elsewhere.evaluate(act, service); };
await there("socket by cookie", (service) => new Promise((resolve) => {
  const socket = new WebSocket(service.replace("http", "ws") + "/socket");
  socket.onmessage = (event) => resolve(event.data);
  socket.onclose = (event) => resolve("closed: " + event.code);
}));
await there("events by cookie", (service) => new Promise((resolve) => {
  const source = new EventSource(service + "/events", { withCredentials: true });
  source.onmessage = (event) => { source.close(); resolve(event.data); };
  source.onerror = () => resolve(source.readyState === EventSource.CLOSED ? "closed" : "open");
}));
await there("fetch by cookie", (service) => fetch(service + "/me", { credentials: "include" })
  .then((answer) => answer.status, (error) => error.name));
await there("form by cookie", (service) => fetch(service + "/session", { method: "POST", credentials: "include", mode: "no-cors" })
  .then((answer) => answer.type, (error) => error.name));
await there("headers of a rejection", (service) => fetch(service + "/me")
  .then((answer) => answer.status + " " + answer.headers.get("www-authenticate"), (error) => error.name));
await there("socket by protocol", (service) => new Promise((resolve) => {
  const socket = new WebSocket(service.replace("http", "ws") + "/socket", ["bearer", "bob-token"]);
  socket.onmessage = (event) => resolve(event.data);
  socket.onclose = (event) => resolve("closed: " + event.code);
}));

await browser.close();
server.close();
console.log(JSON.stringify(seen));
