// Package authhelpers stands in for how a bucket of Google Cloud is opened.
package authhelpers

import (
	"context"

	"gocloud.dev/blob"
)

// GoogleCredentialsMux is the usual one, in which buckets of Google Cloud are refused.
func GoogleCredentialsMux(context.Context) (*blob.URLMux, error) { return blob.DefaultURLMux(), nil }
