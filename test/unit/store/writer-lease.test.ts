import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CheckpointFileManager } from '../../../src/files/file-manager.ts'
import { LocalFileManager } from '../../../src/files/local.ts'
import { MemoryFileManager } from '../../../src/files/memory.ts'
import { writerLeaseContract } from '../../../src/testing/writer-lease-contract.ts'
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

/** As on storage where a claim is a folder. */
function makingLabelled(files: MemoryFileManager): CheckpointFileManager {
  const makeLabelledDirectory: CheckpointFileManager['makeLabelledDirectory'] = async (
    directory,
    label,
    durability,
  ) => {
    const outcome = await files.makeDirectory(directory, durability)
    if (outcome === 'created') await files.makeDirectory(`${directory}/${label}`, durability)
    return outcome
  }
  return new Proxy<CheckpointFileManager>(files, {
    get(_, property) {
      if (property === 'makeLabelledDirectory') return makeLabelledDirectory
      const member: unknown = Reflect.get(files, property, files)
      return typeof member === 'function' ? (member.bind(files) as unknown) : member
    },
  })
}

writerLeaseContract('memory where a claim is a folder', {
  createFiles: async () => {
    const files = new MemoryFileManager()
    return {
      files: makingLabelled(files),
      another: async () => makingLabelled(new MemoryFileManager({ disk: files.disk })),
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
