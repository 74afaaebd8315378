'use strict'
const port = 3000 + 1
const make = (name) => ({ name, script: name + '.js' })
const apps = [
  { script: 'C:\\apps\\shop\\server.js', 'name': 'Shop "Beta"', cwd: 'C:\\apps\\shop', env: { PORT: port, 'X-Y': true, EMPTY: '', NUL: null, N: 1.5, U: '\u4e2d' } },
  make('other'),
  { name: 'sh', script: 'echo $HOME | cat', autorestart: true, instances: process.env.N },
  { name: 'bin', script: './bin/serve', interpreter: 'none', args: ['-l', 'tcp://0.0.0.0:9', "it's ${x}"], instances: -1, made_up: { a: 1 } },
]
exports.apps = apps
