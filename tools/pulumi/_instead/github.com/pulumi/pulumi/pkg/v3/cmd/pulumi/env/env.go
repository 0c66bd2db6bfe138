// Package env stands in for `pulumi env`: environments are kept in Pulumi Cloud. It brings the SDKs of three clouds.
package env

import (
	"github.com/pulumi/pulumi/pkg/v3/auth/credentialhelper"
	"github.com/pulumi/pulumi/pkg/v3/cmd/pulumi/cloud"
	"github.com/spf13/cobra"
)

// NewEnvCmd refuses.
func NewEnvCmd(*credentialhelper.Session) *cobra.Command {
	command := cloud.Refuse("env", "Not in this pulumi")
	command.Aliases = []string{"esc"}
	return command
}
