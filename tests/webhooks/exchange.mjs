// Verifies and signs messages of Standard Webhooks by the libraries of npm: JSON on standard input, JSON on standard output.
// They are in the folder that AIGC_AUTH_WEBHOOKS_NPM names.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(`${process.env.AIGC_AUTH_WEBHOOKS_NPM}/package.json`);

function verified(webhook, sent) {
  const names = ["id", "timestamp", "signature"];
  const headers = Object.fromEntries(names.map((name) => [`webhook-${name}`, sent[name]]));
  try {
    webhook.verify(Buffer.from(sent.body), headers);
  } catch {
    return false;
  }
  return true;
}

function exchanged(library, task) {
  const webhook = new library.Webhook(task.secret);
  return {
    verified: task.verify.map((sent) => verified(webhook, sent)),
    signed: task.sign.map((sent) => webhook.sign(sent.id, new Date(sent.seconds * 1000), sent.body)),
  };
}

const task = JSON.parse(readFileSync(0, "utf8"));
const libraries = ["standardwebhooks", "svix"].map((name) => [name, exchanged(require(name), task)]);
console.log(JSON.stringify(Object.fromEntries(libraries)));
