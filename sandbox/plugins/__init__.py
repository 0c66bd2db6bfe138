"""Local Pulumi provider plugins, used where the official ones are not available."""
