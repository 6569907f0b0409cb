/** What `promise` comes to, or the error that `late` makes once `ms` milliseconds have passed. What the promise stands for goes on either way. */
export async function within<T>(promise: Promise<T>, ms: number, late: () => Error): Promise<T> {
  const limit = Promise.withResolvers<never>()
  // Not unreferenced: somebody waits for this, and maybe for nothing else.
  const timer = setTimeout(() => limit.reject(late()), ms)
  try {
    return await Promise.race([promise, limit.promise])
  } finally {
    clearTimeout(timer)
  }
}
