import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LocalFileManager } from '../../../src/files/local.ts'
import { MemoryFileManager } from '../../../src/files/memory.ts'
import { writerLeaseContract } from '../../support/contracts/writer-lease.ts'
import { MemoryObjects } from '../../support/memory-objects.ts'

writerLeaseContract('memory', {
  createFiles: async () => {
    const files = new MemoryFileManager()
    return {
      files,
      another: async () => new MemoryFileManager({ disk: files.disk }),
      dispose: async () => undefined,
    }
  },
})

writerLeaseContract('objects in memory', {
  onlyObjects: true,
  createFiles: async () => {
    const files = new MemoryObjects()
    return {
      files,
      another: async () => new MemoryObjects(files.storage),
      dispose: async () => undefined,
    }
  },
})

writerLeaseContract('local disk', {
  createFiles: async () => {
    const root = await mkdtemp(join(tmpdir(), 'tidemark-lease-'))
    const location = join(root, 'checkpoint')
    return {
      files: await LocalFileManager.open(location),
      another: () => LocalFileManager.open(location),
      dispose: () => rm(root, { recursive: true }),
    }
  },
})
