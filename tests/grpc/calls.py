"""Calls methods by grpcio: JSON on standard input, what the client saw as JSON on standard output."""

import json
import sys

import grpc

# Longer than any call takes, on a machine that is busy with other things.
PATIENCE = 60


def as_bytes(message):
    return message


def seen(call):
    """The code, message and metadata of a call that has ended or was ended by its first message."""
    return {
        "code": call.code().value[0],
        "message": call.details(),
        "metadata": {name: value for name, value in call.trailing_metadata() or [] if isinstance(value, str)},
    }


def called(channel, path, streams, metadata):
    method = (channel.unary_stream if streams else channel.unary_unary)(path, as_bytes, as_bytes)
    metadata = [tuple(pair) for pair in metadata]
    try:
        if streams:
            stream = method(b"", metadata=metadata, timeout=PATIENCE)
            next(iter(stream))
            stream.cancel()
        else:
            method(b"", metadata=metadata, timeout=PATIENCE)
    except grpc.RpcError as error:
        return seen(error)
    return {"code": 0, "message": "", "metadata": {}}


task = json.load(sys.stdin)
with grpc.insecure_channel(task["address"]) as channel:
    answers = [called(channel, call["path"], call["streams"], call["metadata"]) for call in task["calls"]]
print(json.dumps(answers))
