import { s3LateWrites } from '../support/s3/s3-late-writes.ts'
import { describeWithS3 } from '../support/s3/with-s3.ts'

describeWithS3('versitygw', 'late requests:', (server) => s3LateWrites(server))
