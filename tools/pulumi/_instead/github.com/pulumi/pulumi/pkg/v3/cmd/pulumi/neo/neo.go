// Package neo stands in for `pulumi neo`, an agent that runs in Pulumi Cloud.
package neo

import (
	"github.com/pulumi/pulumi/pkg/v3/cmd/pulumi/cloud"
	"github.com/spf13/cobra"
)

// NewNeoCmd refuses.
func NewNeoCmd() *cobra.Command { return cloud.Refuse("neo", "Not in this pulumi") }
