// Package cf stands in for Vault Agent's login from Cloud Foundry, which is refused.
package cf

import (
	"errors"

	"github.com/hashicorp/vault/command/agentproxyshared/auth"
)

// NewCFAuthMethod refuses.
func NewCFAuthMethod(*auth.AuthConfig) (auth.AuthMethod, error) {
	return nil, errors.New("the login from Cloud Foundry is not in this Vault: it was built for a sandbox")
}
