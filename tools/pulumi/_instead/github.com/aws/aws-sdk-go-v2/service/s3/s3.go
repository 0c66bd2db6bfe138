// Package s3 stands in for the SDK of S3: what Pulumi asks of it where the state is in a bucket, which it cannot be.
package s3

// CopyObjectInput is what the copy of an object starts from.
type CopyObjectInput struct{ CopySource *string }
