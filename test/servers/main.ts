// The command line of the server tests: vitest with their configuration, to which everything but the flags is handed on.
//
//   npm run test:servers                              HDFS, and S3 by versitygw
//   npm run test:servers -- --minio                   S3 by MinIO, too
//   npm run test:servers -- test/servers/s3-races.test.ts

import { spawn } from 'node:child_process'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '../..')
const CONFIG = '.config/vitest.servers.config.ts'
const MINIO_FLAG = '--minio'

const given = process.argv.slice(2)
const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs')
const child = spawn(
  process.execPath,
  [vitest, 'run', '--config', CONFIG, ...given.filter((argument) => argument !== MINIO_FLAG)],
  {
    cwd: ROOT,
    stdio: 'inherit',
    // For what runs inside vitest, which knows no flags of ours.
    env: { ...process.env, ...(given.includes(MINIO_FLAG) && { TIDEMARK_MINIO: '1' }) },
  },
)
// A terminal sends them to both; what they end is the child's to decide.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal))
child.on('close', (code) => {
  process.exitCode = code ?? 1
})
