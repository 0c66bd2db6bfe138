"""Which kubeconfig reaches a cluster: kubectl's, a pod's own, or the one in the stack's outputs."""

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from .errors import Refused
from .outputs import ClusterOutput, Kubeconfig

LINK = "service-account token"
_POD_TOKEN = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
_HINT = "the file must be a kubeconfig with a current context, in YAML: kubectl config view"


class Wanted(NamedTuple):
    """The cluster that is to be reached."""

    key: str = ""
    eks: ClusterOutput | None = None
    only: bool = True
    """Whether the stack has no other: then a context whose name does not tell its cluster is taken for it."""

    def context(self, contexts: Iterable[Any], current: Any) -> str | None:
        """The context that is named after the cluster, the current one if it is; None if there is none.

        `aws eks update-kubeconfig` names it by ARN, eksctl `USER@NAME.REGION.eksctl.io`.
        """
        if self.eks is None:
            return None
        name, region = re.escape(self.eks.name), re.escape(self.eks.region or "")
        forms = f"{name}|{re.escape(self.key)}|arn:[^:]+:eks:{region}:\\d+:cluster/{name}"
        pattern = re.compile(f"({forms}|([^@]+@)?{name}\\.{region}\\.eksctl\\.io)")
        for each in (current, *contexts):
            names = (str(each["name"]), str(each["context"].get("cluster", "")))
            if any(map(pattern.fullmatch, names)):
                return names[0]
        return None

    @property
    def has_this_pod(self) -> bool:
        """Whether this command runs in a pod of the cluster."""
        if not os.environ.get("KUBERNETES_SERVICE_HOST"):
            return False
        if self.only or self.eks is None:
            return True
        from .workloads.web_identity import claims_of

        issuer = claims_of(_POD_TOKEN.read_text()).get("iss") if _POD_TOKEN.exists() else None
        return self.eks.has_issuer(str(issuer))


THE_ONLY_ONE = Wanted()


def configuration(stacks_own: Kubeconfig, kubeconfig: str | None, wanted: Wanted) -> tuple[Any, str]:
    """The Kubernetes client's configuration, and where it came from."""
    import kubernetes.config
    import yaml  # comes with it
    from kubernetes.client import Configuration

    config: Any = kubernetes.config  # untyped
    made = Configuration()
    usual = os.environ.get("KUBECONFIG") or "~/.kube/config"
    found = [path for path in usual.split(os.pathsep) if Path(path).expanduser().exists()]
    path = kubeconfig or (usual if found else None)
    origin = f"kubeconfig {path}"
    try:
        if path and path != "stack":
            chosen = wanted.context(*config.list_kube_config_contexts(path))
            if chosen or kubeconfig or wanted.only:
                config.load_kube_config(path, chosen, client_configuration=made, persist_config=False)
                return made, f"{origin}, context {chosen}" if chosen else origin
        elif path != "stack" and wanted.has_this_pod:
            origin = "this pod's service account"
            config.load_incluster_config(made)
            return made, origin
        origin = "the stack's kubeconfig" if wanted.only else f"the stack's kubeconfig of {wanted.key}"
        content = stacks_own(wanted.key)
        if content is None:
            raise unusable(
                "no kubeconfig in KUBECONFIG, ~/.kube/config or the stack's outputs"
                + ("" if wanted.only else f" has a context for cluster {wanted.key}"),
                "set KUBECONFIG; outputs passed with --outputs contain it only if written with "
                "--show-secrets",
            )
        config.load_kube_config_from_dict(content, client_configuration=made, persist_config=False)
    except (kubernetes.config.ConfigException, OSError) as error:
        raise unusable(str(error), _HINT) from error
    except (yaml.YAMLError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        # Not the error's words: they may have a part of a key.
        raise unusable(f"{origin}: cannot be read", _HINT) from None
    return made, origin


def unusable(reason: str, hint: str) -> Refused:
    """The refusal of a kubeconfig."""
    return Refused(LINK, None, reason, "no-kubeconfig", hint)
