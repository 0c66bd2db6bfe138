// Package hcp_link stands in for the link from a server to HashiCorp's cloud (`cloud { … }`).
package hcp_link

import (
	"errors"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/internalshared/configutil"
	"github.com/hashicorp/vault/vault"
)

// HCPLinkVault is such a link: there is none.
type HCPLinkVault struct{}

// NewHCPLink is nothing where no link is configured, and refuses where one is.
func NewHCPLink(config *configutil.HCPLinkConfig, _ *vault.Core, _ hclog.Logger) (*HCPLinkVault, error) {
	if config == nil {
		return nil, nil
	}
	return nil, errors.New("the link to HashiCorp's cloud is not in this Vault: it was built for a sandbox")
}

// Shutdown does nothing.
func (*HCPLinkVault) Shutdown() error { return nil }

// GetScadaSessionStatus has nothing to say.
func (*HCPLinkVault) GetScadaSessionStatus() string { return "" }

// GetConnectionStatusMessage has nothing to say.
func (*HCPLinkVault) GetConnectionStatusMessage(string) string { return "" }
