// Package azure stands in for Vault Agent's login from Azure, which is refused.
package azure

import (
	"errors"

	"github.com/hashicorp/vault/command/agentproxyshared/auth"
)

// NewAzureAuthMethod refuses.
func NewAzureAuthMethod(*auth.AuthConfig) (auth.AuthMethod, error) {
	return nil, errors.New("the login from Azure is not in this Vault: it was built for a sandbox")
}
