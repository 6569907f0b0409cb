import { s3LateWrites } from '../support/s3/s3-late-writes.ts'
import { describeOnS3 } from '../support/s3/with-s3.ts'

describeOnS3('late requests:', (server) => s3LateWrites(server))
