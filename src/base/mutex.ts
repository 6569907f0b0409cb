/** Runs asynchronous sections one at a time, in the order they asked. A section that throws does not hold up the next. */
export class Mutex {
  #tail: Promise<unknown> = Promise.resolve()

  run<T>(section: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(section)
    this.#tail = result.catch(() => undefined)
    return result
  }
}
