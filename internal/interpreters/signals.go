package interpreters

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// heedInterrupts has the processes that tests start heed SIGINT where this one was started to ignore it, as a shell starts
// what it runs in the background: what is ignored stays so in children, and Python would then raise no KeyboardInterrupt.
var heedInterrupts = sync.OnceFunc(func() {
	if signal.Ignored(syscall.SIGINT) {
		signal.Notify(make(chan os.Signal, 1), syscall.SIGINT) // what is handled here has its default in children
	}
})
