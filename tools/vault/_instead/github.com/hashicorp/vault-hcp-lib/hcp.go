// Package vaulthcplib stands in for `vault hcp connect`, the login to a server in HashiCorp's cloud.
package vaulthcplib

import (
	"time"

	"github.com/hashicorp/cli"
)

// HCPToken is a token of HashiCorp's cloud.
type HCPToken struct {
	AccessToken       string
	AccessTokenExpiry time.Time
	ProxyAddr         string
}

// HCPTokenHelper knows the token.
type HCPTokenHelper interface {
	GetHCPToken(path string) (*HCPToken, error)
}

// InternalHCPTokenHelper knows none.
type InternalHCPTokenHelper struct{}

// GetHCPToken is none.
func (InternalHCPTokenHelper) GetHCPToken(string) (*HCPToken, error) { return nil, nil }

// InitHCPCommand has no commands.
func InitHCPCommand(cli.Ui) map[string]cli.CommandFactory { return nil }
