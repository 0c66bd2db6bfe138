// Package cloud stands in for secrets encrypted by a cloud's key service, or by Vault
// (`--secrets-provider=awskms://…`), which brings the SDKs of three clouds. The sandbox's are encrypted by a passphrase.
package cloud

import (
	"encoding/json"
	"errors"

	"github.com/pulumi/pulumi/pkg/v3/secrets"
	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"
)

// Type is the name of this kind in a stack's state.
const Type = "cloud"

var errAbsent = errors.New(
	"secrets by a cloud's key service are not in this pulumi: " +
		"it was built for a sandbox, which has a passphrase; take Pulumi's release")

// EditProjectStack refuses.
func EditProjectStack(*workspace.ProjectStack, json.RawMessage) error { return errAbsent }

// NewCloudSecretsManagerFromState refuses.
func NewCloudSecretsManagerFromState(json.RawMessage) (secrets.Manager, error) { return nil, errAbsent }

// NewCloudSecretsManager refuses.
func NewCloudSecretsManager(*workspace.ProjectStack, string, bool) (secrets.Manager, error) {
	return nil, errAbsent
}
