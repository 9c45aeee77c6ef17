"""A deployment engine for machines without the Pulumi CLI: it runs this project's unchanged program."""
