// Package cloud stands in for `pulumi api`, by which the API of Pulumi Cloud is called by hand. With the description
// of that API it is a quarter of the build; a sandbox has its state in files.
package cloud

import (
	"context"
	"errors"

	"github.com/pulumi/pulumi/pkg/v3/backend/httpstate/client"
	"github.com/spf13/cobra"
)

var errAbsent = errors.New(
	"this command needs Pulumi Cloud, which is not in this pulumi: it was built for a sandbox; take Pulumi's release")

// Refuse is a command that refuses.
func Refuse(use, short string) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Hidden: true, DisableFlagParsing: true,
		RunE: func(*cobra.Command, []string) error { return errAbsent },
	}
}

// NewAPICmd refuses.
func NewAPICmd() *cobra.Command { return Refuse("api", "Not in this pulumi") }

// APIError is an error of `pulumi api`: there is none.
type APIError struct {
	ExitCode int
	Silent   bool
}

func (*APIError) Error() string { return errAbsent.Error() }

// ResolvedContext is what commands of Pulumi Cloud work with.
type ResolvedContext struct {
	Client   *client.Client
	OrgName  string
	LoggedIn bool
}

// ResolveContext refuses.
func ResolveContext(context.Context) (*ResolvedContext, error) { return nil, errAbsent }
