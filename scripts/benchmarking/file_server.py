"""Serves a directory over HTTP (with listings as Apache and nginx make them) and WebDAV, read-only.

Usage: file_server.py DIRECTORY LATENCY
"""

import email.utils
import html
import http.server
import os
import sys
import time
import urllib.parse

ROOT = os.path.realpath(sys.argv[1])
LATENCY = int(sys.argv[2]) / 1000


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body leave in one packet.
    wbufsize = 1 << 20
    disable_nagle_algorithm = True

    def parse_request(self):
        is_good = super().parse_request()
        if is_good:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            time.sleep(LATENCY)
        return is_good

    def log_request(self, code="-", size="-"):
        sys.stderr.write(f"{self.command} {self.path} {code}\n")
        sys.stderr.flush()

    def find(self):
        path = os.path.normpath(ROOT + urllib.parse.unquote(urllib.parse.urlsplit(self.path).path))
        if (path == ROOT or path.startswith(ROOT + "/")) and os.path.exists(path) and not os.path.islink(path):
            return path
        self.answer(404)
        return None

    def answer(self, status, body=b"", kind="text/plain", **fields):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", fields.pop("length", len(body)))
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_OPTIONS(self):
        self.answer(200, DAV="1", Allow="OPTIONS, GET, HEAD, PROPFIND")

    def do_GET(self):
        path = self.find()
        if path is None:
            return
        if os.path.isdir(path):
            rows = [f'<a href="{html.escape(href)}">{html.escape(href)}</a>\n' for href in children(path)]
            self.answer(200, f"<html><body><pre>{''.join(rows)}</pre></body></html>".encode(), "text/html")
            return
        status = os.stat(path)
        modified = email.utils.formatdate(status.st_mtime, usegmt=True)
        fields = {"Last_Modified": modified, "Accept_Ranges": "bytes", "ETag": f'"{status.st_ino:x}"'}
        if self.command == "HEAD":
            self.answer(200, kind="application/octet-stream", length=status.st_size, **fields)
            return
        with open(path, "rb") as file:
            body = file.read()
        wanted = self.headers.get("Range", "")
        if not wanted.startswith("bytes="):
            self.answer(200, body, "application/octet-stream", **fields)
            return
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        start = int(first) if first else len(body) - int(last)
        end = min(int(last), len(body) - 1) if first and last else len(body) - 1
        fields["Content_Range"] = f"bytes {start}-{end}/{len(body)}"
        self.answer(206, body[start : end + 1], "application/octet-stream", **fields)

    do_HEAD = do_GET

    def do_PROPFIND(self):
        path = self.find()
        if path is None:
            return
        base = urllib.parse.urlsplit(self.path).path.rstrip("/")
        is_directory = os.path.isdir(path)
        responses = [properties(base + "/" if is_directory else base, path)]
        if is_directory and self.headers.get("Depth", "1") != "0":
            for href in children(path):
                name = urllib.parse.unquote(href.rstrip("/"))
                responses.append(properties(f"{base}/{href}", os.path.join(path, name)))
        body = f'<D:multistatus xmlns:D="DAV:">{"".join(responses)}</D:multistatus>'
        self.answer(207, b'<?xml version="1.0" encoding="utf-8"?>' + body.encode(), "application/xml; charset=utf-8")


def children(path):
    """What is in a directory, as relative addresses; neither protocol has symlinks."""
    with os.scandir(path) as entries:
        found = sorted((entry.name, entry.is_dir()) for entry in entries if not entry.is_symlink())
    return [urllib.parse.quote(name) + ("/" if is_directory else "") for name, is_directory in found]


def properties(href, path):
    status = os.stat(path)
    modified = email.utils.formatdate(status.st_mtime, usegmt=True)
    is_directory = os.path.isdir(path)
    kind = "<D:resourcetype><D:collection/></D:resourcetype>" if is_directory else "<D:resourcetype/>"
    size = "" if is_directory else f"<D:getcontentlength>{status.st_size}</D:getcontentlength>"
    return (
        f"<D:response><D:href>{html.escape(href)}</D:href><D:propstat><D:prop>{kind}{size}"
        f'<D:getetag>"{status.st_ino:x}"</D:getetag><D:getlastmodified>{modified}</D:getlastmodified>'
        "</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>"
    )


class FileServer(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


server = FileServer(("127.0.0.1", 0), Handler)
print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
server.serve_forever()
