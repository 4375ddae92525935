//go:build !carried

package carry

var (
	library []byte
	digest  string
)
