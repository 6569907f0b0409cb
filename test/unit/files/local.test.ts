import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LocalFileManager } from '../../../src/files/local.ts'
import { fileManagerContract } from '../../support/contracts/file-manager.ts'

fileManagerContract('local', {
  create: async () => {
    const root = await mkdtemp(join(tmpdir(), 'tidemark-files-'))
    const location = join(root, 'check', 'point')
    return {
      files: await LocalFileManager.open(location),
      another: () => LocalFileManager.open(location),
      dispose: () => rm(root, { recursive: true }),
    }
  },
})
