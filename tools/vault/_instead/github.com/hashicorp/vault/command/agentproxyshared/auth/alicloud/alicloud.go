// Package alicloud stands in for Vault Agent's login from Alibaba Cloud, which is refused.
package alicloud

import (
	"errors"

	"github.com/hashicorp/vault/command/agentproxyshared/auth"
)

// NewAliCloudAuthMethod refuses.
func NewAliCloudAuthMethod(*auth.AuthConfig) (auth.AuthMethod, error) {
	return nil, errors.New("the login from Alibaba Cloud is not in this Vault: it was built for a sandbox")
}
