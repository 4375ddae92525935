//go:build carried

package carry

import _ "embed"

//go:embed libgopyrpc.so
var library []byte

//go:embed libgopyrpc.sha256
var digest string
