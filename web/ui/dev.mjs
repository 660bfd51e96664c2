// SPDX-License-Identifier: Apache-2.0
//
// Serves dist/ and hands everything else to a running server, for work on the pages:
//
//   node dev.mjs [LISTEN_PORT [SERVER]]       (127.0.0.1:9091, http://127.0.0.1:9090)
//
// Run `node build.mjs --watch` beside it.
import { createReadStream, existsSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { extname, join, normalize } from 'node:path';

const port = Number(process.argv[2] ?? 9091);
const server = new URL(process.argv[3] ?? 'http://127.0.0.1:9090');
const dist = join(process.cwd(), 'dist');
const types = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
const pages = ['/query', '/targets', '/rules', '/alerts', '/status', '/tsdb-status', '/config', '/flags', '/service-discovery'];

createServer((incoming, outgoing) => {
  const path = normalize(new URL(incoming.url, 'http://x').pathname);
  const file = join(dist, pages.includes(path) ? 'index.html' : path);
  if (path === '/graph') {
    outgoing.writeHead(302, { location: `/query${new URL(incoming.url, 'http://x').search}` }).end();
  } else if (path === '/') {
    outgoing.writeHead(302, { location: '/query' }).end();
  } else if (extname(file) && existsSync(file)) {
    outgoing.writeHead(200, { 'content-type': types[extname(file)] ?? 'text/plain' });
    createReadStream(file).pipe(outgoing);
  } else {
    const onward = request({
      host: server.hostname, port: server.port, path: incoming.url, method: incoming.method,
      headers: { ...incoming.headers, host: server.host },
    }, (answer) => {
      outgoing.writeHead(answer.statusCode, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on('error', (error) => outgoing.writeHead(502).end(String(error)));
    incoming.pipe(onward);
  }
}).listen(port, '127.0.0.1', () => console.log(`http://127.0.0.1:${port}/ -> ${server.href}`));
