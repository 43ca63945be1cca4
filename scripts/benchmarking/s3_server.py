"""Serves a directory as the S3 bucket `library`, by moto.

Usage: s3_server.py DIRECTORY LATENCY
"""

import logging
import os
import sys
import threading
import time

import boto3
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

ROOT = sys.argv[1]
LATENCY = int(sys.argv[2]) / 1000
dispatcher = DomainDispatcherApplication(create_backend_app)
is_filled = threading.Event()


def application(environment, start_response):
    if is_filled.is_set():
        time.sleep(LATENCY)
        sys.stderr.write(f"{environment['REQUEST_METHOD']} {environment['PATH_INFO']}\n")
        sys.stderr.flush()
    return dispatcher(environment, start_response)


class Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"


logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Handler)
url = f"http://127.0.0.1:{server.server_port}"
threading.Thread(target=server.serve_forever, daemon=True).start()

# Names of directories are objects too, as s3fs itself makes them; S3 has no symlinks.
client = boto3.client(
    "s3", endpoint_url=url, aws_access_key_id="key", aws_secret_access_key="secret", region_name="us-east-1"
)
client.create_bucket(Bucket="library")
for directory, _, names in os.walk(ROOT):
    prefix = os.path.relpath(directory, ROOT) + "/"
    prefix = "" if prefix == "./" else prefix
    if prefix:
        client.put_object(Bucket="library", Key=prefix, ContentType="application/x-directory")
    for name in names:
        path = os.path.join(directory, name)
        if not os.path.islink(path):
            with open(path, "rb") as file:
                client.put_object(Bucket="library", Key=prefix + name, Body=file.read())
is_filled.set()
print(url, flush=True)
threading.Event().wait()
