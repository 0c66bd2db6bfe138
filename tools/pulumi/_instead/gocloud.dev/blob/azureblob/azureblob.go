// Package azureblob stands in for state in a container of Azure.
package azureblob

import "gocloud.dev/blob/s3blob"

// Scheme is that of the container's URL.
const Scheme = "azblob"

func init() { s3blob.Refuse(Scheme) }

// ServiceURLOptions are taken, and change nothing.
type ServiceURLOptions struct{}

// NewDefaultServiceURLOptions are none.
func NewDefaultServiceURLOptions() *ServiceURLOptions { return &ServiceURLOptions{} }

// NewDefaultClient would make a client.
func NewDefaultClient() {}

// URLOpener refuses to open a container.
type URLOpener struct {
	s3blob.Refusal
	MakeClient        func()
	ServiceURLOptions ServiceURLOptions
}
