//go:build pydebug

package cpython

import (
	"fmt"
	"os"
)

// allocators are the values of PyMemAllocatorName, frozen since 3.8, by what PYTHONMALLOC calls them.
var allocators = map[string]int{
	"": 0, "default": 1, "debug": 2, "malloc": 3, "malloc_debug": 4, "pymalloc": 5, "pymalloc_debug": 6,
}

// allocator is what PYTHONMALLOC names. An isolated interpreter does not look at the environment, so
// builds with the tag pydebug do: a debug allocator finds what is written or freed where it must not be.
func allocator() int {
	name := os.Getenv("PYTHONMALLOC")
	n, known := allocators[name]
	if !known {
		panic(fmt.Sprintf("pydebug: PYTHONMALLOC=%s: there is no such allocator", name))
	}
	return n
}
