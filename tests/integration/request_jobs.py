"""Targets that are asked in all ways that the configuration of a scrape's client knows, and what they answer.

JOBS has, for each job, the target's address, more of its configuration, and the answer to each path below
that of the job, which begins with `start`. {here} is the address of the server that answers, {elsewhere} the
same one by another name, {tokens} its URL for tokens, {folder} a folder with secrets. An answer is bytes of a
whole response; the connection closes behind one that doesn't say its length.
"""
import gzip

TEXT = "Content-Type: text/plain; version=0.0.4\r\n"


def answer(body="fine 1\n", status="200 OK", head=TEXT, length=None, version="1.1"):
    body = body.encode() if isinstance(body, str) else body
    size = len(body) if length is None else length
    return f"HTTP/{version} {status}\r\n{head}Content-Length: {size}\r\n\r\n".encode() + body


def to(location, status="302 Found", body="", head=""):
    return answer(body, status, f"Location: {location}\r\n{head}")


def unsized(body, status="200 OK", head=TEXT):
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + (body.encode() if isinstance(body, str) else body)


def chunked(body, status="200 OK", trailer=""):
    return (f"HTTP/1.1 {status}\r\n{TEXT}Transfer-Encoding: chunked\r\n\r\n{len(body):x}\r\n{body}\r\n"
            f"0\r\n{trailer}\r\n").encode()


FINE = answer()
GZIP = "Content-Encoding: gzip\r\n"
HEADERS = ("http_headers: {x-scope-ORGid: {values: [a, b]}, X_Under: {values: [u]}, x-secret: {secrets: [s]}, "
           "x-FILE: {files: [{folder}/header]}, accept: {values: [text/extra]}, referer: {values: [me]}, "
           "cookie: {values: [c=d]}, cookie2: {secrets: [e]}, X-Auth-Token: {secrets: [token]}}")
BASIC = "basic_auth: {username: user, password: pass word}"
BEARER = "authorization: {credentials: abc}"
OAUTH2 = ("oauth2: {client_id: me & you, client_secret: s/1, token_url: '{tokens}/good', scopes: [a, b c], "
          "endpoint_params: {audience: x=y}}")
TOKENS = {
    "good": answer('{"access_token": "t1", "token_type": "bearer", "expires_in": 3600}',
                   head="Content-Type: application/json\r\n"),
    "form": answer("access_token=t2&token_type=mac&expires_in=3600", head="Content-Type: application/x-www-form-urlencoded\r\n"),
    "typed": answer('{"access_token": "t3", "token_type": "Zork"}', head="Content-Type: application/json\r\n"),
    "refused": answer("who?", "401 Unauthorized"),
    "described": answer('{"error": "invalid_scope", "error_description": "no \\"b\\"", "error_uri": "http://e/"}',
                        "400 Bad Request", "Content-Type: application/json\r\n"),
    "fine-error": answer('{"error": "later"}', head="Content-Type: application/json\r\n"),
    "no-token": answer('{"token_type": "bearer"}', head="Content-Type: application/json\r\n"),
    "moved": to("good", "307 Temporary Redirect"),
    "form-error": answer("error=bad&error_description=very+bad", "400 Bad Request",
                         "Content-Type: application/x-www-form-urlencoded\r\n"),
}


def redirects(name, more):
    """The redirects that matter for what goes along, with this configuration."""
    return {
        f"{name}-relative": ("{here}", more, {"start": to("end?a=b"), "end": FINE}),
        f"{name}-elsewhere": ("{here}", more, {"start": to("http://{elsewhere}/{who}/{job}/end"), "end": FINE}),
        f"{name}-there-and-back": ("{here}", more, {
            "start": to("http://{elsewhere}/{who}/{job}/there"), "there": to("http://{here}/{who}/{job}/end"),
            "end": FINE}),
        f"{name}-named": ("{here}", more, {"start": to("http://me:pw@{elsewhere}/{who}/{job}/there"),
                                           "there": to("end"), "end": FINE}),
    }


def oauth2(kind, more=""):
    return f"oauth2: {{client_id: me, client_secret: s, token_url: '{{tokens}}/{kind}'{more}}}"


def once(response, more="", address="{here}"):
    return address, more, {"start": response}


JOBS = {
    "plain": once(FINE), "uncompressed": once(FINE, "enable_compression: false"),
    "parameters": once(FINE, "params: {'match[]': [a, 'b c'], x: [''], z: ['&=+/ü']}"),
    "short-timeout": once(FINE, "scrape_timeout: 1500ms"),
    "protocols": once(FINE, "scrape_protocols: [PrometheusText1.0.0, OpenMetricsText1.0.0]"),
    "native": once(FINE, "scrape_native_histograms: true"),
    "escaping": once(FINE, "metric_name_escaping_scheme: values"),
    "legacy": once(FINE, "metric_name_validation_scheme: legacy, metric_name_escaping_scheme: dots"),
    "headers": once(FINE, HEADERS), "basic": once(FINE, BASIC), "bearer": once(FINE, BEARER), "oauth2": once(FINE, OAUTH2),
    "only-user": once(FINE, "basic_auth: {username: user}"),
    "only-password": once(FINE, "basic_auth: {password: pass}"),
    "other-type": once(FINE, "authorization: {type: Zork, credentials: abc}"),
    "no-credentials": once(FINE, "authorization: {type: Zork}"),
    "credentials-file": once(FINE, "authorization: {credentials_file: {folder}/header}"),
    "user-file": once(FINE, "basic_auth: {username_file: {folder}/header, password_file: {folder}/header}"),
    **redirects("plain", ""), **redirects("headers", HEADERS), **redirects("basic", BASIC),
    **redirects("bearer", BEARER), **redirects("oauth2", OAUTH2),
    "not-followed": once(to("end"), "follow_redirects: false"),
    "moved": ("{here}", "", {"start": to("end", "301 Moved Permanently"), "end": FINE}),
    "permanent": ("{here}", "", {"start": to("end", "308 Permanent Redirect"), "end": FINE}),
    "choices": once(to("end", "300 Multiple Choices")), "not-modified": once(answer("", "304 Not Modified", "Location: end\r\n")),
    "without-location": once(answer("", "302 Found", "")), "empty-location": once(to("")),
    "loop": once(to("start")), "loop-absolute": once(to("http://{here}/{who}/{job}/start")),
    "ftp": once(to("ftp://{here}/x")), "mailto": once(to("mailto:x@y")), "script": once(to("JavaScript:alert(1)")),
    "password": once(to("http://me:secret@127.0.0.1:1/x")),
    "fragment": ("{here}", "", {"start": to("end#there"), "end": FINE}),
    "schemeless": ("{here}", "", {"start": to("//{elsewhere}/{who}/{job}/end"), "end": FINE}),
    "dots": ("{here}", "", {"start": to("./x/../end"), "end": FINE}),
    "blank": ("{here}", "", {"start": to("end end"), "end%20end": FINE}),
    "query": ("{here}", "params: {a: [b]}", {"start": to("?c=d") , "start?c=d": FINE}),
    "large-redirect": ("{here}", "", {"start": to("end", body="x" * 100_000), "end": FINE}),
    "torn-redirect": ("{here}", "", {"start": answer("xy", "302 Found", "Location: end\r\n", length=1000), "end": FINE}),
    "gzip-redirect": ("{here}", "", {"start": to("end", head=GZIP), "end": FINE}),
    "refused-redirect": once(to("http://127.0.0.1:1/x")), "redirect-to-503": (
        "{here}", "", {"start": to("end"), "end": answer("no", "503 Service Unavailable")}),
    "tls-redirect": once(to("https://{here}/x")),
    # Statuses, and bodies of those that are no success.
    "no-content": once(b"HTTP/1.1 204 No Content\r\n\r\n"), "created": once(answer(status="201 Created")),
    "not-found": once(answer("no", "404 Not Found")), "own-reason": once(answer("no", "500 It  is broken ")),
    "no-reason": once(answer("no", "503")), "blank-reason": once(answer("no", "503 ")), "odd-status": once(answer("no", "999 Odd")),
    "low-status": once(answer("no", "42 Low")), "long-status": once(answer("no", "2000 Long")),
    "torn-503": once(answer("no", "503 Service Unavailable", length=1000)),
    "gzip-503": once(answer("no", "503 Service Unavailable", GZIP)),
    "chunked-503": once(unsized("zz\r\n", "503 Service Unavailable", "Transfer-Encoding: chunked\r\n")),
    "large-503": once(answer("x" * 3_000_000, "503 Service Unavailable")),
    "large-limited-503": once(answer("x" * 3_000_000, "503 Service Unavailable"), "body_size_limit: 10B"),
    # Spellings of HTTP.
    "http-1.0": once(b"HTTP/1.0 200 OK\r\n" + TEXT.encode() + b"\r\nfine 1\n"), "http-2.0": once(answer(version="2.0")),
    "http-3": once(b"HTTP/3 200 OK\r\n\r\n"), "unsized": once(unsized("fine 1\n")),
    "chunked": once(chunked("fine 1\n")), "trailer": once(chunked("fine 1\n", trailer="X-Sum: 1\r\n")),
    "early-hints": once(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + FINE), "continue": once(b"HTTP/1.1 100 Continue\r\n\r\n" + FINE),
    "bare-line-feeds": once(FINE.replace(b"\r\n", b"\n")), "folded": once(answer(head=TEXT + "X-A: b\r\n c\r\n")),
    "no-colon": once(answer(head=TEXT + "what is this\r\n")), "blank-name": once(answer(head=TEXT + "X A: b\r\n")),
    "two-lengths": once(answer(head=TEXT + "Content-Length: 3\r\n")), "bad-length": once(answer(length="x")),
    "equal-lengths": once(answer(head=TEXT + "Content-Length: 7\r\n")), "negative-length": once(answer(length=-5)),
    "two-types": once(answer("a 1\n# EOF\n", head=TEXT + "Content-Type: application/openmetrics-text; version=1.0.0\r\n")),
    "other-coding": once(unsized("x", head="Transfer-Encoding: gzip\r\n")),
    "too-much": once(answer("fine 1\nmore 2\n", length=7)),
    # Codings of the body.
    "gzip": once(answer(gzip.compress(b"fine 1\n"), head=TEXT + GZIP)),
    "gzip-members": once(answer(gzip.compress(b"fine 1\n") + gzip.compress(b"more 2\n"), head=TEXT + GZIP)),
    "gzip-and-garbage": once(answer(gzip.compress(b"fine 1\n") + b"garbage", head=TEXT + GZIP)),
    "gzip-in-capitals": once(answer("fine 1\n", head=TEXT + "Content-Encoding: GZIP\r\n")),
    "gzip-twice": once(answer("fine 1\n", head=TEXT + "Content-Encoding: gzip, gzip\r\n")),
    "empty-gzip": once(answer("", head=TEXT + GZIP)), "deflate": once(answer("fine 1\n", head=TEXT + "Content-Encoding: deflate\r\n")),
    "empty": once(answer("")), "text-without-version": once(answer(head="Content-Type: text/plain\r\n")),
    "charset": once(answer(head="Content-Type: text/plain; charset=utf-8; version=0.0.4\r\n")),
    "version-1": once(answer(head="Content-Type: text/plain; version=1.0.0; escaping=allow-utf-8\r\n")),
    "version-9": once(answer(head="Content-Type: text/plain; version=9.9\r\n")),
    "type-in-capitals": once(answer(head="Content-Type: TEXT/PLAIN; VERSION=0.0.4\r\n")),
    "openmetrics-0.0.1": once(answer("a 1\n# EOF\n", head="Content-Type: application/openmetrics-text; version=0.0.1; charset=utf-8\r\n")),
    "openmetrics-9": once(answer("a 1\n# EOF\n", head="Content-Type: application/openmetrics-text; version=9\r\n")),
    "json": once(answer("{}", head="Content-Type: application/json\r\n")),
    "other-message": once(answer("", head="Content-Type: application/vnd.google.protobuf; proto=other; encoding=delimited\r\n")),
    "undelimited": once(answer("", head="Content-Type: application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=text\r\n")),
    "bad-parameters": once(answer(head="Content-Type: text/plain; version\r\n")), "two-slashes": once(answer(head="Content-Type: a/b/c\r\n")),
    "quoted-type": once(answer(head='Content-Type: "text/plain"\r\n')), "star": once(answer(head="Content-Type: */*\r\n")),
    # Addresses.
    "large-port": once(FINE, address="127.0.0.1:99999"), "no-number": once(FINE, address="127.0.0.1:abc"),
    "no-port": once(FINE, "scheme: https", "127.0.0.1:"), "port-zero": once(FINE, address="127.0.0.1:0"),
    "negative-port": once(FINE, address="127.0.0.1:-1"),
    "user-in-address": once(FINE, address="me:pw@{here}"), "blank-in-address": once(FINE, address="a b:80"),
    "query-in-address": once(FINE, address="{here}?x"), "hash-in-address": once(FINE, address="{here}#x"),
    "percent-in-address": once(FINE, address="a%zz:80"), "open-bracket": once(FINE, address="[::1:80"), "v6": once(FINE, address="[::1]:1"),
    "bare-v6": once(FINE, address="::1"), "capitals": once(FINE, address="LOCALHOST:{port}"), "control": once(FINE, address='"a\\x01b:80"'),
    # Secrets that are not there, and what the server of tokens says.
    "no-password-file": once(FINE, "basic_auth: {username: u, password_file: /none}"), "no-user-file": once(FINE, "basic_auth: {username_file: /none}"),
    "no-credentials-file": once(FINE, "authorization: {credentials_file: /none}"), "no-header-file": once(FINE, "http_headers: {X: {files: [/none]}}"),
    "no-secret-file": once(FINE, "oauth2: {client_id: me, client_secret_file: /none, token_url: '{tokens}/good'}"),
    "blank-header": once(FINE, "http_headers: {'X Y': {values: [a]}}"), "line-in-header": once(FINE, 'http_headers: {X: {values: ["a\\nb"]}}'),
    **{f"oauth2-{kind}": once(FINE, oauth2(kind)) for kind in TOKENS if kind != "good"},
    "oauth2-own-scope": once(FINE, oauth2("good", ", scopes: [a], endpoint_params: {scope: b}")),
    "oauth2-other-grant": once(FINE, oauth2("good", ", endpoint_params: {grant_type: password, username: u}")),
    "oauth2-no-server": once(FINE, "oauth2: {client_id: me, client_secret: s, token_url: 'http://127.0.0.1:1/'}"),
    "oauth2-bad-url": once(FINE, "oauth2: {client_id: me, client_secret: s, token_url: 'ftp://x/'}"),
    "oauth2-secret-file": once(FINE, "oauth2: {client_id: me, client_secret_file: {folder}/header, token_url: '{tokens}/good'}"),
}
