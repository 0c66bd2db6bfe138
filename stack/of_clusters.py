"""Which sections of a stack file are of which clusters, and what must hold between them."""

from collections.abc import Iterator, Mapping

from components import arns, logins, node_group
from components.suggestions import suggestion
from stack.clusters import cluster_id
from stack.draft import Draft
from stack.reading import Section
from stack.sections import INSTALLED, PROJECT

Groups = Mapping[str, list[str | None]]
"""By node group: the ARNs of its roles, one for each cluster that has it; None where the stack makes it."""


def names(draft: Draft, section: Section) -> list[str]:
    """The clusters that a login is of, a consumer is installed in, or Vault's pods run in."""
    if not is_of_clusters(draft, section):
        return []
    if _is_consumer(section) and not section.get("clusters"):
        # Vault itself runs where its pods are.
        of = draft.logins.get(str(section.get("login"))) if "login" in section.options else draft.identity
        return names(draft, of) if of else []
    if "node_groups" in section.options and not section.get("clusters"):
        wanted = {group for _, group in section.entries("node_groups")}
        of_any = [name for name in draft.clusters if not wanted.isdisjoint(groups(draft, [name]) or {})]
        return of_any or [*draft.clusters]
    return draft.clusters_of(section)


def is_of_clusters(draft: Draft, section: Section) -> bool:
    """Whether it is of clusters at all."""
    if section is draft.identity:
        return bool(section.get("service_account"))
    if _is_consumer(section):
        return any(section.options.get(field) for field in INSTALLED)
    return logins.KINDS[section.kind].needs_cluster(section.options)


def _is_consumer(section: Section) -> bool:
    return section.path.startswith(f"{PROJECT}:consumers.")


def groups(draft: Draft, of: list[str]) -> Groups | None:
    """The node groups of these clusters; None where they cannot be known."""
    found: dict[str, list[str | None]] = {}
    for name in of:
        cluster = draft.clusters[name]
        if cluster.wrong & {"node_groups", "node_role_arns"}:
            return None
        for group in cluster.options.get("node_groups") or ():
            found.setdefault(group, []).append(None)
        for group, arn in (cluster.options.get("node_role_arns") or {}).items():
            found.setdefault(group, []).append(arn)
    return found


def check(draft: Draft) -> None:
    """Report to the draft's problems whatever is wrong between clusters and what is of them."""
    for rule in (_there, _distinct, _written, _of_vault, _consumers, _regions, _keys):
        rule(draft)


def _distinct(draft: Draft) -> None:
    """No two keys may be of one cluster."""
    owners: dict[str, str] = {}
    for section in draft.clusters.values():
        name, region = section.get("name"), draft.region_of(section)
        if name and region:
            own = cluster_id(name, "" if region == draft.region else region)
            owner = owners.setdefault(own, section.path)
            if owner != section.path:
                place = section.at("name") if _is_written(draft, section, "name") else section.path
                draft.problems.add(
                    place, f"is the cluster of {owner} already, in {region}; write another", name
                )


def _is_written(draft: Draft, section: Section, field: str) -> bool:
    written = draft.decoded("clusters")
    key = section.path.rpartition(".")[2]
    return isinstance(written, Mapping) and field in (written.get(key) or {})


def _there(draft: Draft) -> None:
    """Without a cluster there are neither service accounts nor nodes."""
    if draft.given("cluster") or draft.given("clusters"):
        return
    needs = [login.path for login in draft.logins.values() if is_of_clusters(draft, login)]
    if draft.identity and draft.identity.get("service_account"):
        needs.append(draft.identity.at("service_account"))
    if needs:
        draft.problems.add(
            f"{PROJECT}:cluster", f"is missing, and {needs[0]} needs it; write at least {{name: NAME}}"
        )


def _sections(draft: Draft) -> Iterator[Section]:
    yield from draft.logins.values()
    yield from draft.consumers.values()
    if draft.identity:
        yield draft.identity


def _all_known(draft: Draft) -> bool:
    """Whether the names of all clusters are right."""
    written = draft.decoded("clusters")
    several = len(written) if isinstance(written, Mapping) else 0
    return len(draft.clusters) == several + draft.given("cluster")


def _written(draft: Draft) -> None:
    """The clusters that are named are those of the stack file, and are named where that means something."""
    for section in _sections(draft):
        named: list[tuple[tuple[str | int, ...], str]] = [
            (("clusters", index), name) for index, name in section.entries("clusters")
        ]
        if own := section.get("cluster"):
            named.append((("cluster",), own))
        if not named:
            continue
        if not section.wrong and not is_of_clusters(draft, section):
            place, _ = named[0]
            draft.problems.add(section.at(place[0]), f"is not used: {_unused(draft, section)}; remove it")
            continue
        for place, name in named if _all_known(draft) else ():
            if name not in draft.clusters:
                draft.problems.add(
                    section.at(*place),
                    f"is not a cluster of the stack file{suggestion(name, draft.clusters)}",
                    name,
                )


def _unused(draft: Draft, section: Section) -> str:
    if section is draft.identity:
        return "there is no serviceAccount"
    if _is_consumer(section):
        return "the consumer is not installed"
    return "the login has no nodeGroups"


def _of_vault(draft: Draft) -> None:
    """Vault's own pods run in one cluster."""
    identity = draft.identity
    if identity is None or len(draft.clusters) < 2 or "cluster" in identity.wrong:
        return
    if identity.get("service_account") and not identity.get("cluster"):
        draft.problems.add(
            identity.at("cluster"),
            "is missing: there are several clusters, and Vault runs in one; write one of "
            f"{', '.join(draft.clusters)}",
        )


def _consumers(draft: Draft) -> None:
    """A consumer is installed where its login is."""
    for consumer in draft.consumers.values():
        login = draft.logins.get(str(consumer.get("login") or ""))
        if login is None or login.wrong or not logins.KINDS[login.kind].needs_cluster(login.options):
            continue
        of_login = names(draft, login)
        for index, name in consumer.entries("clusters"):
            if name in draft.clusters and name not in of_login:
                draft.problems.add(
                    consumer.at("clusters", index),
                    f"is not a cluster of {login.path}; write one of its own: {', '.join(of_login)}",
                    name,
                )


def check_node_groups(draft: Draft) -> None:
    """Node groups of logins must be of the login's clusters."""
    if not draft.clusters or not _all_known(draft):
        return
    for login in draft.logins.values():
        if not (wanted := [*login.entries("node_groups")]) or "clusters" in login.wrong:
            continue
        of = names(draft, login)
        known = groups(draft, of)
        for index, group in wanted if known is not None else ():
            if group not in (known or {}):
                where = "the cluster" if len(of) == 1 else f"the clusters {', '.join(of)}"
                draft.problems.add(
                    login.at("node_groups", index),
                    f"is not a node group of {where}{suggestion(group, known or {})}",
                    group,
                )
        for index, name in login.entries("clusters"):
            own = groups(draft, [name]) if name in draft.clusters else None
            if own is not None and own.keys().isdisjoint(group for _, group in wanted):
                draft.problems.add(
                    login.at("clusters", index),
                    f"has none of the login's nodeGroups; it has {', '.join(own) or 'none'}",
                    name,
                )


def regions(draft: Draft, section: Section) -> list[str]:
    """The regions of the clusters that a section is of, each once."""
    found = (draft.region_of(draft.clusters[name]) for name in names(draft, section))
    return [*dict.fromkeys(region for region in found if region)]


def _regions(draft: Draft) -> None:
    """Vault looks for the instances of a login in one region."""
    for login in draft.logins.values():
        if not login.options.get("node_groups") or login.wrong:
            continue
        found = regions(draft, login)
        if len(found) > 1:
            draft.problems.add(
                login.path,
                f"has nodeGroups in {' and '.join(found)}, and Vault looks for the instances of a login in "
                "one region; write a login for each, with clusters",
            )
        elif found and (own := login.get("region")) and own != found[0]:
            draft.problems.add(
                login.at("region"), f"is not that of its nodeGroups; write {found[0]}, or leave it out", own
            )


def _keys(draft: Draft) -> None:
    """EKS takes keys of the cluster's region only."""
    for cluster in draft.clusters.values():
        key, region = cluster.get("encryption_key_arn"), draft.region_of(cluster)
        if region and isinstance(key, str) and arns.parse(key).region != region:
            draft.problems.add(
                cluster.at("encryption_key_arn"),
                f"is not of the cluster's region, {region}; write a key of that region",
                key,
            )


def node_roles(draft: Draft) -> Iterator[tuple[str, str]]:
    """The node roles that the stack makes, with the places of their names."""
    for cluster in draft.clusters.values():
        for group, declared in cluster.entries("node_groups"):
            name, own = declared.get("role_name"), cluster.get("name")
            place = (
                cluster.at("node_groups", group)
                if not name
                else cluster.at("node_groups", group, "role_name")
            )
            if name or own:
                yield place, name or node_group.node_role_name(own, group, declared)
