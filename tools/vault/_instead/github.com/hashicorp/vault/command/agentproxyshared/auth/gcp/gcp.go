// Package gcp stands in for Vault Agent's login from Google Cloud, which brings the SDK of its compute
// service, is refused.
package gcp

import (
	"errors"

	"github.com/hashicorp/vault/command/agentproxyshared/auth"
)

// NewGCPAuthMethod refuses.
func NewGCPAuthMethod(*auth.AuthConfig) (auth.AuthMethod, error) {
	return nil, errors.New("the login from Google Cloud is not in this Vault: it was built for a sandbox")
}
