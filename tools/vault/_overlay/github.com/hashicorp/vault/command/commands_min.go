//go:build minimal

// Laid over Vault's own file of this name: the minimal build, with `vault login -method=aws`.

package command

import (
	credAws "github.com/hashicorp/vault/builtin/credential/aws"
	_ "github.com/hashicorp/vault/helper/builtinplugins"
)

func extendAddonHandlers(handlers *vaultHandlers) {
	handlers.loginHandlers["aws"] = &credAws.CLIHandler{}
}
