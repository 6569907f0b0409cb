/** The command line is not one that is understood: told with a hint at --help, exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
