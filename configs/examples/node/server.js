'use strict';
// A small HTTP server: it listens where PORT says and ends gracefully when asked to.
const http = require('http');

const server = http.createServer((request, response) => {
  response.setHeader('Content-Type', 'text/plain; charset=utf-8');
  if (request.url === '/healthz') {
    response.end('ok\n');
    return;
  }
  response.end(`${process.env.GREETING || 'Hello'}, process ${process.pid}\n`);
});

server.listen(Number(process.env.PORT) || 3000, '127.0.0.1', () => {
  console.log(`listening on ${server.address().port}`);
});

for (const signal of ['SIGTERM', 'SIGINT', 'SIGBREAK']) {
  process.on(signal, () => {
    console.log(`${signal}: closing`);
    server.close(() => process.exit(0));
    server.closeIdleConnections?.();
  });
}
