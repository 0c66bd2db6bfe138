"""A cluster's add-ons: kube-proxy, the pod network, and CoreDNS if requested."""

from typing import Any

import pulumi

from sandbox.plugins.eks.children import Child, ask
from sandbox.plugins.eks.component import Built, Inputs

# The official package's settings.
_CNI = {
    "env": {
        "WARM_ENI_TARGET": "1",
        "AWS_VPC_K8S_CNI_LOGLEVEL": "DEBUG",
        "AWS_VPC_K8S_CNI_LOG_FILE": "/host/var/log/aws-routed-eni/ipamd.log",
        "AWS_VPC_K8S_CNI_VETHPREFIX": "eni",
        "AWS_VPC_ENI_MTU": "9001",
        "AWS_VPC_K8S_PLUGIN_LOG_LEVEL": "DEBUG",
        "AWS_VPC_K8S_PLUGIN_LOG_FILE": "/var/log/aws-routed-eni/plugin.log",
        "ENABLE_POD_ENI": "false",
        "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG": "false",
        "AWS_VPC_K8S_CNI_EXTERNALSNAT": "false",
    },
    "init": {"env": {"DISABLE_TCP_EARLY_DEMUX": "false"}},
}


class VpcCniAddon(Built):
    """The pod network's add-on."""

    def __init__(self, name: str, cluster: Child, tags: Any, opts: pulumi.ResourceOptions) -> None:
        super().__init__("eks:index:VpcCniAddon", name, opts)
        self.tell(addon=_addon(name, "vpc-cni", cluster, {"configurationValues": _CNI}, tags, self.child))


def addons(name: str, cluster: Child, args: Inputs, opts: pulumi.ResourceOptions) -> None:
    """The add-ons in a cluster's inputs."""
    kube_proxy, coredns = args.get("kubeProxyAddonOptions", {}), args.get("corednsAddonOptions", {})
    if kube_proxy.get("enabled", True):
        _addon(f"{name}-kube-proxy", "kube-proxy", cluster, kube_proxy, args.get("tags"), opts)
    # Only if requested: its pods need nodes, and there is no default node group.
    if coredns.get("enabled") or coredns.get("configurationValues"):
        _addon(f"{name}-coredns", "coredns", cluster, coredns, args.get("tags"), opts)
    if not args.get("useDefaultVpcCni"):
        VpcCniAddon(f"{name}-vpc-cni", cluster, args.get("tags"), opts)


def _addon(
    name: str, addon: str, cluster: Child, options: Inputs, tags: Any, opts: pulumi.ResourceOptions
) -> Child:
    """An add-on, by default in the newest version for the cluster's Kubernetes."""
    chosen, values = options.get("version"), options.get("configurationValues")
    if chosen is None:
        asked = {"addonName": addon, "kubernetesVersion": cluster.version, "mostRecent": True}
        assert opts.parent  # noqa: S101 (it is the component)
        chosen = ask("aws:eks/getAddonVersion:getAddonVersion", asked, opts.parent)["version"]
    if values is not None:
        values = pulumi.Output.json_dumps(values, sort_keys=True, separators=(",", ":"))
    inputs = {
        "clusterName": cluster.name,
        "addonName": addon,
        "addonVersion": chosen,
        "preserve": True,
        "resolveConflictsOnCreate": options.get("resolveConflictsOnCreate", "OVERWRITE"),
        "resolveConflictsOnUpdate": options.get("resolveConflictsOnUpdate", "OVERWRITE"),
        "configurationValues": values,
        "tags": tags,
    }
    return Child("aws:eks/addon:Addon", name, inputs, opts)
