// Goal: what a user installs works. Method: pack the project, install the tarball in an empty folder, compile and run a tiny job against it,
// kill nothing, fake nothing.

import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ensureBuilt, projectFolder } from '../support/built-package.ts'

const run = promisify(execFile)
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidemark-package-'))
  await ensureBuilt()
  // Without scripts: packing would build dist/ anew under the feet of the tests that run from it.
  await run('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], {
    cwd: projectFolder,
  })
  const tarball = (await readdir(folder)).find((name) => name.endsWith('.tgz'))!
  await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
  await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', `./${tarball}`], {
    cwd: folder,
  })
}, 180_000)

afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

test('a job written against the installed package commits, and goes on from its checkpoint', async () => {
  await writeFile(
    join(folder, 'job.ts'),
    `import { StateStores, type StateStore } from 'tidemark'
const stores = await StateStores.open('./checkpoint')
const store: StateStore = await stores.provider({ operatorId: 0, partitionId: 0 }).getStore()
const key = new TextEncoder().encode('runs')
const runs = (store.get(key)?.[0] ?? 0) + 1
store.put(key, Uint8Array.of(runs))
console.log(await store.commit({ progress: { runs } }), runs)
await stores.close()
`,
  )
  for (const expected of ['1 1', '2 2']) {
    const { stdout } = await run(process.execPath, ['job.ts'], { cwd: folder })
    expect(stdout.trim()).toBe(expected)
  }
})

test('its types are right for a strict user', async () => {
  await writeFile(
    join(folder, 'tsconfig.json'),
    JSON.stringify({
      compilerOptions: {
        module: 'nodenext',
        target: 'es2023',
        lib: ['es2023', 'esnext.disposable'],
        strict: true,
        noEmit: true,
        skipLibCheck: false,
        typeRoots: [join(projectFolder, 'node_modules/@types')],
        types: ['node'],
      },
      include: ['job.ts'],
    }),
  )
  const { stdout } = await run(join(projectFolder, 'node_modules/.bin/tsc'), ['-p', folder], {
    cwd: folder,
  }).catch((error: { stdout: string }) => error)
  expect(stdout).toBe('')
})

test('its command runs', async () => {
  const { stdout } = await run(
    process.execPath,
    ['node_modules/tidemark/dist/cli/main.js', 'info', 'checkpoint'],
    {
      cwd: folder,
    },
  )
  expect(stdout).toMatch(/0\/0\/default/)
})
