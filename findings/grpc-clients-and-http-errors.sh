#!/usr/bin/env bash
# tonic 0.14.9 (crates.io), grpcio 1.85.3 (PyPI), @grpc/grpc-js 1.14.7 (npm): what each makes of an HTTP error with a JSON body.
# tonic reads the body as a message and blames its first byte: 123 is `{`. The others map the HTTP status and lose the text.
# A `grpc-status` in the head beside that body is believed by tonic alone. Only code and message in the head of a 200 with the
# content type of gRPC and no body ("Trailers-Only") is read by all three.
#
# Seen (code: message):
#   tonic 401 JSON: 13: protocol error: received message with invalid compression flag: 123 …
#   tonic 401 JSON and grpc-status: 16: told
#   tonic 200 grpc-status: 16: told
#   grpcio 401 JSON: 16: Received http2 header with status: 401
#   grpcio 401 JSON and grpc-status: 2: Stream removed (Data frame with END_STREAM flag received)
#   grpcio 200 grpc-status: 16: told
#   grpc-js 401 JSON: 16: Received HTTP status code 401
#   grpc-js 401 JSON and grpc-status: 16: Received HTTP status code 401
#   grpc-js 200 grpc-status: 16: told
#
# Why it matters here: the layer refuses calls of gRPC in the last form, whatever else it is told to answer
# (src/request/refusals/grpc.rs). Needs cargo, python3 with venv, Node.js 20 with npm.
set -euo pipefail
room="$(mktemp -d)"
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$room"' EXIT
cd "$room"

cat >server.js <<'JS'
const json = { ":status": 401, "content-type": "application/json" };
const told = { "grpc-status": "16", "grpc-message": "told" };
const answers = {
  "/try/Json": [json, '{"code":401,"message":"no"}'],
  "/try/Both": [{ ...json, ...told }, '{"code":401,"message":"no"}'],
  "/try/Head": [{ ":status": 200, "content-type": "application/grpc", ...told }],
};
const server = require("node:http2").createServer();
server.on("stream", (stream, headers) => {
  const [head, body] = answers[headers[":path"]];
  stream.respond(head, { endStream: body === undefined });
  if (body !== undefined) stream.end(body);
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
JS
node server.js >port & server=$!
for _ in $(seq 100); do [ -s port ] && break; sleep 0.1; done
port="$(cat port)"

mkdir -p rust/src
cat >rust/Cargo.toml <<'TOML'
[package]
name = "try"
version = "0.0.0"
edition = "2024"
[dependencies]
tokio = { version = "1", features = ["macros", "rt-multi-thread"] }
tonic = "=0.14.9"
tonic-prost = "=0.14.9"
TOML
cat >rust/src/main.rs <<'RUST'
#[tokio::main]
async fn main() {
    let url = format!("http://127.0.0.1:{}", std::env::args().nth(1).unwrap());
    let channel = tonic::transport::Endpoint::from_shared(url).unwrap().connect().await.unwrap();
    for (name, path) in [("401 JSON", "/try/Json"), ("401 JSON and grpc-status", "/try/Both"), ("200 grpc-status", "/try/Head")] {
        let mut client = tonic::client::Grpc::new(channel.clone());
        client.ready().await.unwrap();
        let codec = tonic_prost::ProstCodec::<(), ()>::default();
        let status = client.unary(tonic::Request::new(()), path.parse().unwrap(), codec).await.unwrap_err();
        println!("tonic {name}: {}: {}", status.code() as i32, status.message());
    }
}
RUST
cargo run --quiet --manifest-path rust/Cargo.toml -- "$port" >seen

python3 -m venv python
python/bin/python -m pip install --quiet --disable-pip-version-check --only-binary :all: grpcio==1.85.3
no_grpc_proxy=127.0.0.1 python/bin/python - "$port" >>seen <<'PYTHON'
import sys

import grpc

with grpc.insecure_channel(f"127.0.0.1:{sys.argv[1]}") as channel:
    for name, path in [("401 JSON", "/try/Json"), ("401 JSON and grpc-status", "/try/Both"), ("200 grpc-status", "/try/Head")]:
        try:
            channel.unary_unary(path)(b"", timeout=30)
        except grpc.RpcError as error:
            print(f"grpcio {name}: {error.code().value[0]}: {error.details()}")
PYTHON

npm install --silent --no-audit --no-fund --ignore-scripts @grpc/grpc-js@1.14.7
no_grpc_proxy=127.0.0.1 node - "$port" >>seen <<'JS'
const grpc = require("@grpc/grpc-js");
const client = new grpc.Client(`127.0.0.1:${process.argv[2]}`, grpc.credentials.createInsecure());
const same = (bytes) => bytes;
(async () => {
  for (const [name, path] of [["401 JSON", "/try/Json"], ["401 JSON and grpc-status", "/try/Both"], ["200 grpc-status", "/try/Head"]]) {
    const error = await new Promise((resolve) => client.makeUnaryRequest(path, same, same, Buffer.alloc(0), resolve));
    console.log(`grpc-js ${name}: ${error.code}: ${error.details}`);
  }
  client.close();
})();
JS
cat seen

expect() { grep -qF "$1" seen || { echo "this has changed: no more \"$1\"" >&2; exit 1; }; }
expect 'tonic 401 JSON: 13: protocol error: received message with invalid compression flag: 123'
expect 'tonic 401 JSON and grpc-status: 16: told'
expect 'tonic 200 grpc-status: 16: told'
expect 'grpcio 401 JSON: 16: Received http2 header with status: 401'
expect 'grpcio 401 JSON and grpc-status: 2: '
expect 'grpcio 200 grpc-status: 16: told'
expect 'grpc-js 401 JSON: 16: Received HTTP status code 401'
expect 'grpc-js 401 JSON and grpc-status: 16: Received HTTP status code 401'
expect 'grpc-js 200 grpc-status: 16: told'
