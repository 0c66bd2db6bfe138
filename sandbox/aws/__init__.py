"""The emulated AWS: moto, behind a front that authenticates and authorizes requests as AWS does.

moto answers ordinary API calls (IAM, EC2, Auto Scaling, SSM). Authentication, authorization, STS, EKS,
instance metadata and persistence are this package's own, because logins depend on them.
"""
