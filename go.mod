module github.com/pyrpc/pyrpc

go 1.24.0

require (
	github.com/go-python/cpy3 v0.2.0
	github.com/spf13/cobra v1.10.2
	github.com/stretchr/testify v1.11.1
	go.uber.org/goleak v1.3.0
)
