// Package oci stands in for Vault Agent's login from Oracle Cloud, which is refused.
package oci

import (
	"errors"

	"github.com/hashicorp/vault/command/agentproxyshared/auth"
)

// NewOCIAuthMethod refuses.
func NewOCIAuthMethod(*auth.AuthConfig, string) (auth.AuthMethod, error) {
	return nil, errors.New("the login from Oracle Cloud is not in this Vault: it was built for a sandbox")
}
