"""Local Pulumi provider plugins, for where the official ones cannot be had."""
