// Calls methods by @grpc/grpc-js: JSON on standard input, what the client saw as JSON on standard output. The package is in
// the folder that AIGC_AUTH_GRPC_NPM names.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const grpc = createRequire(`${process.env.AIGC_AUTH_GRPC_NPM}/package.json`)("@grpc/grpc-js");

// Longer than any call takes, on a machine that is busy with other things.
const PATIENCE = 60_000;

const asBytes = (message) => message;
const ok = { code: 0, message: "", metadata: {} };
const seen = (error) => ({
  code: error.code,
  message: error.details,
  metadata: Object.fromEntries(Object.entries(error.metadata.getMap()).map(([name, value]) => [name, String(value)])),
});

function called(client, { path, streams, metadata }) {
  const sent = new grpc.Metadata();
  for (const [name, value] of metadata) sent.add(name, value);
  const options = { deadline: Date.now() + PATIENCE };
  return new Promise((resolve) => {
    if (!streams) {
      const answered = (error) => resolve(error ? seen(error) : ok);
      client.makeUnaryRequest(path, asBytes, asBytes, Buffer.alloc(0), sent, options, answered);
      return;
    }
    const stream = client.makeServerStreamRequest(path, asBytes, asBytes, Buffer.alloc(0), sent, options);
    stream.on("data", () => {
      resolve(ok);
      stream.cancel();
    });
    stream.on("error", (error) => resolve(seen(error)));
  });
}

const task = JSON.parse(readFileSync(0, "utf8"));
const client = new grpc.Client(task.address, grpc.credentials.createInsecure());
const answers = [];
for (const call of task.calls) answers.push(await called(client, call));
client.close();
console.log(JSON.stringify(answers));
