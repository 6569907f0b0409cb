import { describe, expect, test } from 'vitest'
import { MemoryFileManager } from '../../../src/files/memory.ts'
import { fileManagerContract } from '../../../src/testing/file-manager-contract.ts'

fileManagerContract('memory', {
  create: async () => {
    const files = new MemoryFileManager()
    return {
      files,
      another: async () => new MemoryFileManager({ disk: files.disk }),
      dispose: async () => expect(files.disk.openCount).toBe(0),
    }
  },
})
fileManagerContract('memory that can lose power', {
  create: async () => {
    const files = new MemoryFileManager({ losesPower: true })
    return {
      files,
      another: async () => new MemoryFileManager({ disk: files.disk }),
      dispose: async () => expect(files.disk.openCount).toBe(0),
    }
  },
})

describe('a checkpoint in memory', () => {
  test('says so, and cannot lose power unless asked to remember', () => {
    const files = new MemoryFileManager()
    expect(files.capabilities.name).toBe('memory')
    expect(() => files.crash(1)).toThrow(TypeError)
  })
})
