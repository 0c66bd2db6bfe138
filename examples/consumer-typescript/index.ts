// The service account default/payments of an existing cluster logs in to Vault as `payments`.
import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import * as vault from "@pulumi/vault";
import * as auth from "@pulumi/vault-aws-auth";

const config = new pulumi.Config();
const region = config.require("region");
const endpoint = config.get("endpoint");
const path = config.require("mountPath");

const cluster = new auth.ExistingEksCluster("cluster", {
    name: config.require("cluster"),
    region,
});
const identity = new auth.IamUserVaultIdentity("vault-identity", {
    userName: `vault-${path}`,
    policyName: `vault-${path}-policy`,
    permissions: { resolveRoles: true },
});

const address = config.require("vaultAddress");
const inVault = new vault.Provider("vault", { address });
const vaultAuth = new auth.VaultAwsAuth("vault-aws-auth", {
    region,
    address,
    path,
    serverIdHeader: "vault.example.com",
    credentials: { accessKey: identity.accessKey, secretKey: identity.secretKey },
    ...(endpoint && {
        endpoints: { sts: endpoint, iam: endpoint, ec2: endpoint },
        callersStsEndpoint: endpoint,
    }),
}, { providers: [inVault] });

const policy = new vault.Policy("payments", {
    name: "payments",
    policy: `path "dev/data/payments/*" { capabilities = ["read"] }`,
}, { provider: inVault });

const inCluster = new kubernetes.Provider("kubernetes", { kubeconfig: cluster.kubeconfig });
const login = new auth.ServiceAccountLogin("payments", {
    connection: vaultAuth.connection,
    cluster: cluster.ref,
    serviceAccounts: ["default/payments"],
    policies: [policy.name],
    maxTtl: "1h",
}, { providers: [inVault, inCluster] });
const agent = new auth.VaultAgentConsumer("agent", {
    connection: vaultAuth.connection,
    login: login.ref,
});

export const vaultRole = login.vaultRole;
export const iamRoleArn = login.iamRoleArn;
export const agentPatch = agent.values;
