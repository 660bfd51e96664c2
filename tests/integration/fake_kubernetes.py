"""An API server of Kubernetes as far as discovery asks it: lists in pages, watches that resume, and
bookmarks; and what a real one does when it is busy: expired versions, cut connections.

Objects are dictionaries as the API has them. Every change gets the next resourceVersion.
"""
import contextlib
import json
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# Plural -> (API group and version, kind).
KINDS = {
    "pods": ("v1", "Pod"),
    "services": ("v1", "Service"),
    "nodes": ("v1", "Node"),
    "endpoints": ("v1", "Endpoints"),
    "namespaces": ("v1", "Namespace"),
    "endpointslices": ("discovery.k8s.io/v1", "EndpointSlice"),
    "ingresses": ("networking.k8s.io/v1", "Ingress"),
    "replicasets": ("apps/v1", "ReplicaSet"),
    "jobs": ("batch/v1", "Job"),
}
WAIT_SECONDS = 0.02


def field(obj, path):
    for part in path.split("."):
        obj = obj.get(part, {}) if isinstance(obj, dict) else {}
    return obj if isinstance(obj, str) else ""


def matches(obj, labels, fields):
    """Equality selectors only."""
    own = obj["metadata"].get("labels", {})
    return (all(own.get(k) == v for k, v in labels)
            and all(field(obj, k) == v for k, v in fields))


def terms(text):
    return [tuple(term.replace("==", "=").split("=", 1)) for term in text.split(",") if term]


class FakeKubernetes:
    def __init__(self, token=None, tls=None, streaming_lists=True):
        """@param tls  an ssl.SSLContext"""
        self.token = token
        self.streaming_lists = streaming_lists  # Whether sendInitialEvents is understood.
        self.lock = threading.Condition()
        self.version = 1000
        self.oldest = 0       # Versions before this one are forgotten.
        self.generation = 0   # Watches of an older one are cut.
        self.objects = {plural: {} for plural in KINDS}
        self.events = []      # (version, plural, type, object, object before)
        self.requests = []    # Paths with their queries.
        self.failing = None   # A status that all requests get.
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                with contextlib.suppress(OSError):
                    fake.serve(self)

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

            def finish_request(self, request, address):
                # The handshake belongs to the connection's thread.
                if tls is not None:
                    request = tls.wrap_socket(request, server_side=True)
                super().finish_request(request, address)

            def handle_error(self, *_):
                pass  # A client that is gone, or one that is not let in.

        self.http = Server(("127.0.0.1", 0), Handler)
        scheme = "http" if tls is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def cleanup(self):
        with self.lock:
            self.generation += 1
            self.lock.notify_all()
        self.http.shutdown()
        self.http.server_close()

    # What a test does.

    def put(self, plural, obj):
        group, kind = KINDS[plural]
        with self.lock:
            self.version += 1
            obj = json.loads(json.dumps(obj))
            obj["apiVersion"], obj["kind"] = group, kind
            meta = obj["metadata"]
            meta["resourceVersion"] = str(self.version)
            key = (meta.get("namespace", ""), meta["name"])
            meta.setdefault("uid", f"{kind.lower()}-{'-'.join(key)}")
            before = self.objects[plural].get(key)
            self.objects[plural][key] = obj
            self.events.append((self.version, plural, "ADDED" if before is None else "MODIFIED",
                                obj, before))
            self.lock.notify_all()

    def delete(self, plural, namespace, name):
        with self.lock:
            self.version += 1
            before = self.objects[plural].pop((namespace, name))
            obj = json.loads(json.dumps(before))
            obj["metadata"]["resourceVersion"] = str(self.version)
            self.events.append((self.version, plural, "DELETED", obj, before))
            self.lock.notify_all()

    def cut_watches(self, forget=False):
        """Drops the connections of all watches. @param forget  what was before now has expired"""
        with self.lock:
            self.generation += 1
            if forget:
                self.version += 1
                self.oldest = self.version
                self.events.clear()
            self.lock.notify_all()

    def seen(self, part):
        with self.lock:
            return [r for r in self.requests if part in r]

    # What a client gets.

    def answer(self, handler, status, body):
        data = json.dumps(body).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    def refuse(self, handler, code, reason, message):
        self.answer(handler, code, self.status(code, reason, message))

    @staticmethod
    def status(code, reason, message):
        return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                "message": message, "reason": reason, "code": code}

    def serve(self, handler):
        url = urllib.parse.urlsplit(handler.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        with self.lock:
            self.requests.append(handler.path)
            failing = self.failing
        if failing:
            return self.refuse(handler, failing, "InternalError", "the server is on fire")
        if self.token and handler.headers.get("Authorization") != f"Bearer {self.token}":
            return self.refuse(handler, 401, "Unauthorized", "Unauthorized")
        parts = url.path.strip("/").split("/")
        plural = parts[-1]
        namespace = parts[-2] if len(parts) > 2 and parts[-3] == "namespaces" else ""
        group = "/".join(parts[1:2] if parts[0] == "api" else parts[1:3])
        if plural not in KINDS or KINDS[plural][0] != group:
            return self.refuse(handler, 404, "NotFound",
                               "the server could not find the requested resource")
        wanted = (plural, namespace, terms(query.get("labelSelector", "")),
                  terms(query.get("fieldSelector", "")))
        if query.get("watch") in ("true", "1"):
            return self.watch(handler, wanted, query)
        return self.list(handler, wanted, query)

    def selected(self, wanted):
        plural, namespace, labels, fields = wanted
        return [obj for (space, _), obj in sorted(self.objects[plural].items())
                if namespace in ("", space) and matches(obj, labels, fields)]

    def list(self, handler, wanted, query):
        group, kind = KINDS[wanted[0]]
        with self.lock:
            found, version = self.selected(wanted), self.version
        first = 0
        if "continue" in query:
            version, first = map(int, query["continue"].split("-"))
            if version < self.oldest:
                return self.refuse(handler, 410, "Expired", "The provided continue parameter is "
                                                            "too old")
        metadata = {"resourceVersion": str(version)}
        # As a real one: version 0 is answered from memory, whole.
        limit = int(query.get("limit", 0)) if query.get("resourceVersion") != "0" else 0
        items = found[first:first + limit] if limit else found[first:]
        if limit and first + limit < len(found):
            metadata["continue"] = f"{version}-{first + limit}"
            metadata["remainingItemCount"] = len(found) - first - limit
        self.answer(handler, 200, {"kind": kind + "List", "apiVersion": group,
                                   "metadata": metadata, "items": items})

    def watch(self, handler, wanted, query):
        group, kind = KINDS[wanted[0]]
        plural, namespace, labels, fields = wanted
        initial = query.get("sendInitialEvents") == "true"
        if initial and not self.streaming_lists:
            return self.refuse(handler, 422, "Invalid", "sendInitialEvents is forbidden")
        deadline = time.monotonic() + min(int(query.get("timeoutSeconds", 300)), 300)

        def send(kind_of_event, obj):
            line = json.dumps({"type": kind_of_event, "object": obj}).encode() + b"\n"
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
            handler.wfile.flush()

        def bookmark(version, annotations=None):
            meta = {"resourceVersion": str(version)}
            if annotations:
                meta["annotations"] = annotations
            send("BOOKMARK", {"kind": kind, "apiVersion": group, "metadata": meta})

        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.close_connection = True
        with self.lock:
            generation = self.generation
            version = int(query.get("resourceVersion") or 0)
            found, now = self.selected(wanted), self.version
        if initial:
            for obj in found:
                send("ADDED", obj)
            bookmark(now, {"k8s.io/initial-events-end": "true"})
            version = now
        elif version < self.oldest:
            send("ERROR", self.status(410, "Expired", f"too old resource version: {version} "
                                                      f"({self.oldest})"))
            handler.wfile.write(b"0\r\n\r\n")
            return
        while time.monotonic() < deadline:
            with self.lock:
                if generation != self.generation:
                    return  # The connection ends in the middle of the stream.
                news = [e for e in self.events if e[0] > version]
                last = self.version
                if not news:
                    self.lock.wait(WAIT_SECONDS)
                    continue
            for _, of, kind_of_event, obj, before in news:
                if of != plural or namespace not in ("", obj["metadata"].get("namespace", "")):
                    continue
                fits = matches(obj, labels, fields)
                fitted = before is not None and matches(before, labels, fields)
                if kind_of_event == "DELETED":
                    kind_of_event = "DELETED" if fits else ""
                elif fits:
                    kind_of_event = "MODIFIED" if fitted else "ADDED"
                else:
                    kind_of_event = "DELETED" if fitted else ""
                if kind_of_event:
                    send(kind_of_event, obj)
            version = last
            if query.get("allowWatchBookmarks") == "true":
                bookmark(version)
        handler.wfile.write(b"0\r\n\r\n")
