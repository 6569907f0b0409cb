import { defineConfig } from 'vitest/config'

// Tests against real servers. One process for all files, so that each server starts once.
export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['test/servers/**/*.test.ts'],
    globalSetup: ['test/support/hdfs/hdfs-setup.ts', 'test/support/s3/s3-setup.ts'],
    pool: 'forks',
    maxWorkers: 1,
    isolate: false,
    // Longer than what the tests themselves wait with: those waits say what came in vain.
    testTimeout: 600_000,
    hookTimeout: 180_000,
  },
})
