// Where an S3 service is and who we are, for processes that open its locations without options.

import type { S3Server } from './servers.ts'

/** What a process must have in its environment to open locations of `server` without options. */
export function s3Environment({ endpoint, region, credentials }: S3Server): NodeJS.ProcessEnv {
  return {
    AWS_ENDPOINT_URL_S3: endpoint,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    // Else one of the person who runs the tests would be sent along.
    AWS_SESSION_TOKEN: '',
  }
}

/** Returns what undoes it. */
export function setEnvironment(values: NodeJS.ProcessEnv): () => void {
  const before = Object.keys(values).map((name) => [name, process.env[name]] as const)
  Object.assign(process.env, values)
  return () => {
    for (const [name, value] of before)
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
  }
}
