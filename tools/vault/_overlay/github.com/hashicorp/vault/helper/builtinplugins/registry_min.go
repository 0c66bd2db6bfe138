//go:build minimal

// Laid over Vault's own file of this name: the minimal build, with the auth methods aws and kubernetes and the
// secrets engine aws.

package builtinplugins

import (
	credKube "github.com/hashicorp/vault-plugin-auth-kubernetes"
	credAws "github.com/hashicorp/vault/builtin/credential/aws"
	logicalAws "github.com/hashicorp/vault/builtin/logical/aws"
	"github.com/hashicorp/vault/helper/pluginconsts"
)

func extendAddonPlugins(reg *registry) {
	reg.credentialBackends[pluginconsts.AuthTypeAWS] = credentialBackend{Factory: credAws.Factory}
	reg.credentialBackends[pluginconsts.AuthTypeKubernetes] = credentialBackend{Factory: credKube.Factory}
	reg.logicalBackends[pluginconsts.SecretEngineAWS] = logicalBackend{Factory: logicalAws.Factory}
}
