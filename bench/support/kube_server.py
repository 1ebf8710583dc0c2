"""An API server that costs next to nothing: what it answers is rendered before it serves.

It is run by bench/k8s_toolbox.py, in a process of its own. In the namespace `many` are 5,000 pods,
in `few` 16; `big` has a log of a million lines, `shared` has the same lines in 50 pods, and in
`live` 50 pods write 2,000 lines a second in all, one after the other. Pods look as a cluster has
them, with managedFields, some of two containers and some that crash. It speaks TLS, as they all do.

    python bench/support/kube_server.py CERTIFICATE KEY     # prints its port
"""

import gzip
import json
import socketserver
import ssl
import sys
import threading
import time
import uuid
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlsplit

MANY, FEW, SHARING = 5000, 16, 50
LINES = 1_000_000
LIVE_RATE = 2000  # lines a second, of all pods together
TICK_S = 0.005
PAGE = 500
CHUNK = 32 << 10  # as kubelets copy logs
GZIP_LEVEL = 1  # as API servers compress since 1.34
STARTED = time.time() - 3 * 86400
COLUMNS = {"Name": 0, "Ready": 0, "Status": 0, "Restarts": 0, "Age": 0, "IP": 1, "Node": 1}
TEXT = b"level=info msg=request n=%07d bytes=1432\n"  # 49 bytes

Object = dict[str, Any]


def stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def fields_of(*names: str) -> Object:
    return {f"f:{name}": {} for name in names}


def managed(number: int) -> list[Object]:
    """Who set which fields, as a kubelet and a controller leave it."""
    container = fields_of(
        *("command", "image", "imagePullPolicy", "name", "ports", "resources"),
        *("terminationMessagePath", "terminationMessagePolicy", "readinessProbe"),
    )
    spec = fields_of(
        *("dnsPolicy", "enableServiceLinks", "restartPolicy", "schedulerName"),
        *("securityContext", "terminationGracePeriodSeconds"),
    ) | {"f:containers": {'k:{"name":"app"}': {".": {}} | container}}
    meta = {"f:generateName": {}, "f:labels": {".": {}} | fields_of("app", "pod-template-hash")}
    each = fields_of("lastProbeTime", "lastTransitionTime", "status", "type")
    conditions = {
        f'k:{{"type":"{name}"}}': {".": {}} | each
        for name in ("ContainersReady", "Initialized", "Ready")
    }
    status = {"f:conditions": conditions} | fields_of("containerStatuses", "hostIP", "podIP")
    common = {"operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1"}
    moment = stamp(STARTED + number)
    parts = {
        "kube-controller-manager": {"f:metadata": meta, "f:spec": spec},
        "kubelet": {"f:status": status},
    }
    return [
        {"manager": name, "time": moment, **common, "fieldsV1": part}
        for name, part in parts.items()
    ]


def container(name: str) -> Object:
    return {
        "name": name,
        "image": "registry.example/team/app:1.35.2",
        "command": ["sh", "-c", "exec app --listen :8080 --config /etc/app/config.yaml"],
        "ports": [{"containerPort": 8080, "protocol": "TCP"}],
        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}},
        "volumeMounts": [
            {
                "name": "kube-api-access-dzwlg",
                "readOnly": True,
                "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
            }
        ],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}, "periodSeconds": 10},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": "IfNotPresent",
    }


def container_status(name: str, number: int, restarts: int) -> Object:
    identity = uuid.uuid5(uuid.NAMESPACE_OID, f"{name}{number}").hex * 2
    state: Object = {"running": {"startedAt": stamp(STARTED + number)}}
    last: Object = {}
    if restarts:
        text = f"back-off 5m0s restarting failed container={name}"
        state = {"waiting": {"reason": "CrashLoopBackOff", "message": text}}
        end = {"startedAt": stamp(STARTED + 86400), "finishedAt": stamp(STARTED + 86401)}
        last = {"terminated": {"exitCode": 1, "reason": "Error", **end}}
    return {
        "name": name,
        "state": state,
        "lastState": last,
        "ready": not restarts,
        "restartCount": restarts,
        "image": "registry.example/team/app:1.35.2",
        "imageID": f"registry.example/team/app@sha256:{identity}",
        "containerID": f"containerd://{identity}",
        "started": not restarts,
    }


def pod(namespace: str, number: int, *, plain: bool = False) -> Object:
    """One of ten has two containers, one of twenty crashes; a plain one does neither."""
    names = ["app", "proxy"] if number % 10 == 1 and not plain else ["app"]
    restarts = 13 if number % 20 == 2 and not plain else 0  # noqa: PLR2004 - one of twenty
    conditions = {
        "Initialized": "True",
        "Ready": str(not restarts),
        "ContainersReady": str(not restarts),
        "PodScheduled": "True",
    }
    moment = stamp(STARTED + number)
    own = {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"}
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-7d9f8b6c5d"}
    return {
        "metadata": {
            "name": f"web-7d9f8b6c5d-{number:05}",
            "generateName": "web-7d9f8b6c5d-",
            "namespace": namespace,
            "uid": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{namespace}{number}")),
            "resourceVersion": str(10_000 + number),
            "creationTimestamp": moment,
            "labels": {"app": "web", "pod-template-hash": "7d9f8b6c5d"},
            "annotations": {"example.com/checksum": uuid.uuid5(uuid.NAMESPACE_OID, "c").hex},
            "ownerReferences": [owner | {"uid": str(uuid.UUID(int=7)), "controller": True}],
            "managedFields": managed(number),
        },
        "spec": {
            "volumes": [
                {
                    "name": "kube-api-access-dzwlg",
                    "projected": {
                        "sources": [
                            {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
                            {"configMap": {"name": "kube-root-ca.crt"}},
                        ],
                        "defaultMode": 420,
                    },
                }
            ],
            "containers": [container(name) for name in names],
            "restartPolicy": "Always",
            "terminationGracePeriodSeconds": 30,
            "dnsPolicy": "ClusterFirst",
            "serviceAccountName": "default",
            "nodeName": f"node-{number % 100}",
            "securityContext": {},
            "schedulerName": "default-scheduler",
            "tolerations": [own | {"tolerationSeconds": 300}] * 2,
            "priority": 0,
            "enableServiceLinks": True,
            "preemptionPolicy": "PreemptLowerPriority",
        },
        "status": {
            "phase": "Running",
            "conditions": [
                {"type": kind, "status": is_so, "lastProbeTime": None, "lastTransitionTime": moment}
                for kind, is_so in conditions.items()
            ],
            "hostIP": f"10.0.0.{number % 100}",
            "podIP": f"10.244.{number >> 8}.{number & 255}",
            "podIPs": [{"ip": f"10.244.{number >> 8}.{number & 255}"}],
            "startTime": moment,
            "containerStatuses": [container_status(name, number, restarts) for name in names],
            "qosClass": "Burstable",
        },
    }


def row_of(one: Object) -> Object:
    """The pod as a Table has it, which the server computes for kubectl."""
    statuses = one["status"]["containerStatuses"]
    ready, restarts = sum(each["ready"] for each in statuses), statuses[0]["restartCount"]
    times = f"{restarts * len(statuses)} (47h ago)" if restarts else "0"
    word = "CrashLoopBackOff" if restarts else "Running"
    cells = [one["metadata"]["name"], f"{ready}/{len(statuses)}", word, times, "3d"]
    cells += [one["status"]["podIP"], one["spec"]["nodeName"]]
    kind = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
    return {"cells": cells, "object": kind | {"metadata": one["metadata"]}}


class Answers:
    """What is answered, by namespace; an answer is its plain and its compressed bytes."""

    def __init__(self) -> None:
        self.lists: dict[tuple[str, int, bool], tuple[bytes, bytes]] = {}
        self.pods: dict[tuple[str, str], tuple[bytes, bytes]] = {}
        self.logs: dict[tuple[str, str, bool], bytes] = {}
        for namespace, number in (("many", MANY), ("few", FEW)):
            self._add(namespace, [pod(namespace, each) for each in range(number)])
        for namespace, number in (("big", 1), ("shared", SHARING), ("live", SHARING)):
            self._add(namespace, [pod(namespace, each, plain=True) for each in range(number)])
        self._add_logs()

    def _add(self, namespace: str, pods: list[Object]) -> None:
        for start in range(0, len(pods), PAGE):
            meta = {"resourceVersion": "20000"}
            if start + PAGE < len(pods):
                meta["continue"] = str(start + PAGE)
            page = pods[start : start + PAGE]
            columns = [
                {"name": name, "type": "string", "format": "", "description": "", "priority": wide}
                for name, wide in COLUMNS.items()
            ]
            table = {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": meta}
            table |= {"columnDefinitions": columns, "rows": [row_of(one) for one in page]}
            plain = {"kind": "PodList", "apiVersion": "v1", "metadata": meta, "items": page}
            self.lists[namespace, start, True] = rendered(table)
            self.lists[namespace, start, False] = rendered(plain)
        for one in pods[:SHARING]:
            whole = {"kind": "Pod", "apiVersion": "v1"} | one
            self.pods[namespace, one["metadata"]["name"]] = rendered(whole)

    def _add_logs(self) -> None:
        lines = [TEXT % number for number in range(LINES)]
        stamps = [
            stamp(STARTED + number / 1000)[:-1].encode() + b".%03d000123Z " % (number % 1000)
            for number in range(LINES)
        ]
        stamped = [one + line for one, line in zip(stamps, lines, strict=True)]
        for with_stamps, found in ((False, lines), (True, stamped)):
            self.logs["big", "web-7d9f8b6c5d-00000", with_stamps] = chunked(found)
            for number in range(SHARING):
                name = f"web-7d9f8b6c5d-{number:05}"
                self.logs["shared", name, with_stamps] = chunked(found[number::SHARING])


def rendered(value: Object) -> tuple[bytes, bytes]:
    plain = json.dumps(value, separators=(",", ":")).encode()
    return plain, gzip.compress(plain, GZIP_LEVEL)


def chunked(lines: list[bytes]) -> bytes:
    """The lines in HTTP chunks, as a kubelet's copying cuts them, with the last chunk."""
    text = b"".join(lines)
    return b"".join(chunk(text[at : at + CHUNK]) for at in range(0, len(text), CHUNK)) + chunk(b"")


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


class Live:
    """Logs that go on: each tick, the next few of those that are followed get a line."""

    def __init__(self) -> None:
        self._followed: list[tuple[Any, bool]] = []
        self._changed = threading.Lock()
        threading.Thread(target=self._write, daemon=True).start()

    def follow(self, stream: Any, *, stamped: bool) -> None:
        entry = (stream, stamped)
        with self._changed:
            self._followed.append(entry)
        while entry in self._followed:
            time.sleep(0.2)

    def _write(self) -> None:
        due, began = count(), time.monotonic()
        for tick in count(1):
            time.sleep(max(0, began + tick * TICK_S - time.monotonic()))
            for _ in range(round(LIVE_RATE * TICK_S)):
                number = next(due)
                if (place := number % SHARING) < len(self._followed):
                    self._send(self._followed[place], number)

    def _send(self, entry: tuple[Any, bool], number: int) -> None:
        stream, is_stamped = entry
        now = time.time_ns()
        moment = f"{stamp(now / 10**9)[:-1]}.{now % 10**9:09}Z ".encode() if is_stamped else b""
        try:
            stream.sendall(chunk(moment + TEXT % (number % 10**7)))
        except OSError:
            with self._changed:
                self._followed.remove(entry)


class Handler(socketserver.StreamRequestHandler):
    """Answers GET, as far as kubectl and k8s-toolbox ask."""

    answers: Answers
    live: Live
    disable_nagle_algorithm = True

    def handle(self) -> None:
        while line := self.rfile.readline():
            headers = dict(self._headers())
            parts = urlsplit(line.split()[1].decode())
            query = {key: values[0] for key, values in parse_qs(parts.query).items()}
            self._answer(parts.path.strip("/").split("/"), query, headers)

    def _headers(self) -> Iterator[tuple[str, str]]:
        while line := self.rfile.readline().strip():
            name, _, value = line.decode().partition(":")
            yield name.lower(), value

    def _answer(self, words: list[str], query: dict[str, str], headers: dict[str, str]) -> None:
        gzipped = "gzip" in headers.get("accept-encoding", "")
        match words:
            case ["api", "v1", "namespaces", namespace, "pods"]:
                if "watch" in query:
                    self._begin("application/json", "Transfer-Encoding: chunked")
                    return
                is_table = "as=Table" in headers.get("accept", "")
                key = (namespace, int(query.get("continue", 0)), is_table)
                self._send(self.answers.lists[key], gzipped=gzipped)
            case ["api", "v1", "namespaces", namespace, "pods", name]:
                self._send(self.answers.pods[namespace, name], gzipped=gzipped)
            case ["api", "v1", "namespaces", namespace, "pods", name, "log"]:
                self._begin("text/plain", "Transfer-Encoding: chunked")
                self._log(namespace, name, query)
            case _:
                self._discover(words)

    def _log(self, namespace: str, name: str, query: dict[str, str]) -> None:
        stamped = query.get("timestamps") == "true"
        if namespace == "live" and query.get("follow") == "true":
            self.live.follow(self.request, stamped=stamped)
        elif namespace == "live":
            self.request.sendall(chunk(b""))
        else:
            self.request.sendall(self.answers.logs[namespace, name, stamped])

    def _discover(self, words: list[str]) -> None:
        """Say what there is, as kubectl asks first."""
        found: Object = {"kind": "APIGroupList", "apiVersion": "v1", "groups": []}
        if words == ["api"]:
            found = {"kind": "APIVersions", "versions": ["v1"]}
        elif words == ["api", "v1"]:
            kind = {"name": "pods", "singularName": "pod", "kind": "Pod", "shortNames": ["po"]}
            kind |= {"namespaced": True, "verbs": ["get", "list", "watch"]}
            found = {"kind": "APIResourceList", "groupVersion": "v1", "resources": [kind]}
        self._send(rendered(found), gzipped=False)

    def _begin(self, content_type: str, *headers: str) -> None:
        lines = ["HTTP/1.1 200 OK", f"Content-Type: {content_type}", *headers, "", ""]
        self.request.sendall("\r\n".join(lines).encode())

    def _send(self, answer: tuple[bytes, bytes], *, gzipped: bool) -> None:
        body = answer[gzipped]
        coding: Iterable[str] = ["Content-Encoding: gzip"] if gzipped else []
        self._begin("application/json", f"Content-Length: {len(body)}", *coding)
        self.request.sendall(body)


class Server(socketserver.ThreadingTCPServer):
    """With TLS, whose handshake is the connection's own thread's."""

    daemon_threads = True
    request_queue_size = 128
    context: ssl.SSLContext

    def finish_request(self, request: Any, client_address: Any) -> None:
        try:
            with self.context.wrap_socket(request, server_side=True) as stream:
                super().finish_request(stream, client_address)
        except OSError:
            pass  # the client went away


def main() -> None:
    certificate, key = sys.argv[1:]
    Handler.answers, Handler.live = Answers(), Live()
    Server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    Server.context.load_cert_chain(certificate, key)
    with Server(("127.0.0.1", 0), Handler) as server:
        print(server.server_address[1], flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
