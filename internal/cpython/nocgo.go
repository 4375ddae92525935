//go:build !cgo

package cpython

// The one error of a build without cgo, instead of every name of this package that its importers miss. Go turns cgo off by
// itself where it finds no C compiler, and when it builds for another system. The text is short enough to be printed once.
const _ int = "gopyrpc needs cgo: a C compiler (gcc, or CC) and CGO_ENABLED=1"
