// Package cli stands in for the command line of Pulumi's environments. `pulumi config` calls it when a stack has some,
// which only one in Pulumi Cloud can have.
package cli

import (
	"errors"

	"github.com/pulumi/pulumi/sdk/v3/go/common/esc"
)

// PrepareOptions are taken, and change nothing.
type PrepareOptions struct{ Quote, Pretend, Redact bool }

// PrepareEnvironment refuses.
func PrepareEnvironment(*esc.Environment, *PrepareOptions) (
	files, environ, secrets []string, filesByKey map[string]string, err error,
) {
	return nil, nil, nil, nil, errors.New(
		"environments need Pulumi Cloud, which is not in this pulumi: it was built for a sandbox; take Pulumi's release")
}
