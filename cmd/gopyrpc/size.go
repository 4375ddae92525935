package main

import "github.com/gopyrpc/gopyrpc/agent/pyworker/settings"

// byteSize is a flag for a number of bytes, with or without a unit: 1073741824, 1GiB, 64 MB.
type byteSize int64

func (b *byteSize) Set(text string) error {
	n, err := settings.ParseSize(text)
	if err == nil {
		*b = byteSize(n)
	}
	return err
}

// String is what Set reads.
func (b *byteSize) String() string { return settings.FormatSize(int64(*b)) }

// Type is empty: the flag's usage names what it takes.
func (b *byteSize) Type() string { return "bytes" }
