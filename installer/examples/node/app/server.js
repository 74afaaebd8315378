// A web server of five lines. Holdfast chooses its port and tells it in PORT.
const http = require('node:http');

http.createServer((request, response) => {
  response.end('Hello from Node.\n');
}).listen(process.env.PORT, '127.0.0.1');
