// Package gcsblob stands in for state in a bucket of Google Cloud.
package gcsblob

import "gocloud.dev/blob/s3blob"

// Scheme is that of the bucket's URL.
const Scheme = "gs"

func init() { s3blob.Refuse(Scheme) }
