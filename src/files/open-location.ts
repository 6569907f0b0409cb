// Which file manager a location is for, by its scheme.

import { StateStoreError } from '../errors.ts'
import type { CheckpointFileManager } from './file-manager.ts'
import { LocalFileManager } from './local.ts'

/**
 * The file manager of a location: a folder on local disk (a path or a `file:` URL), or `webhdfs://`, `swebhdfs://` and `s3://` with the
 * default options. INVALID_OPTIONS for any other scheme.
 */
export async function openLocation(location: string): Promise<CheckpointFileManager> {
  const scheme = /^([a-z][a-z0-9+.-]+):\/\//i.exec(location)?.[1].toLowerCase()
  if (scheme === undefined || scheme === 'file') return LocalFileManager.open(location)
  if (scheme === 'webhdfs' || scheme === 'swebhdfs' || scheme === 'hdfs') {
    // Loaded when needed: who stays on local disk should not pay for an HTTP client.
    const { WebHdfsFileManager } = await import('./webhdfs/webhdfs.ts')
    return WebHdfsFileManager.open(location)
  }
  if (scheme === 's3' || scheme === 's3a' || scheme === 's3n') {
    const { S3FileManager } = await import('./s3/s3.ts')
    return S3FileManager.open(location)
  }
  throw new StateStoreError(
    'TIDEMARK_INVALID_OPTIONS',
    `Expected \`location\` to be a folder on local disk, a webhdfs:// or s3:// URL or a file manager, got a URL with the scheme ${scheme}://; hand in a file manager that speaks it`,
  )
}
