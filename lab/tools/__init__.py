"""Programs and files that come out of Go modules: one folder with a go.mod per set, built at first use."""
