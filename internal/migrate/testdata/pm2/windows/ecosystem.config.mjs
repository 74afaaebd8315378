import path from 'node:path'
export default {
  apps: [
    { name: 'svc', script: 'svc.exe', cwd: path.resolve('D:\\svc', 'bin'), args: '--listen=127.0.0.1:7001', env: { Path: process.env.Path } },
  ],
}
