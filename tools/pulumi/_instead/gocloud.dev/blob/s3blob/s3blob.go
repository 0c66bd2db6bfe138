// Package s3blob stands in for state in a bucket of S3, which brings the SDK of AWS. The sandbox's is in files.
package s3blob

import (
	"context"
	"fmt"
	"net/url"

	"gocloud.dev/blob"
)

// Refusal refuses to open a bucket.
type Refusal struct{}

// OpenBucketURL refuses.
func (Refusal) OpenBucketURL(_ context.Context, u *url.URL) (*blob.Bucket, error) {
	return nil, fmt.Errorf("%s:// is not in this pulumi: it was built for a sandbox, which has its state in files; "+
		"take Pulumi's release", u.Scheme)
}

// Refuse has every bucket of a scheme refused.
func Refuse(scheme string) { blob.DefaultURLMux().RegisterBucket(scheme, Refusal{}) }

func init() { Refuse("s3") }
