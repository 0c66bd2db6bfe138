"""The emulated AWS: moto behind a front that decides about requests the way AWS does.

moto answers the ordinary API calls (IAM, EC2, Auto Scaling, SSM). Authentication, authorization, STS, EKS,
instance metadata and persistence are this package's own, because logins are proven against them.
"""
