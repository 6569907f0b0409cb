import { defineConfig } from 'vitest/config'

// Tests against real Spark. One process for all files, so that the JVM starts once for each release.
export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['test/interop/**/*.test.ts'],
    globalSetup: ['test/support/spark/spark-setup.ts'],
    pool: 'forks',
    maxWorkers: 1,
    isolate: false,
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
})
