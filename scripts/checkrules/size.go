package main

const maxLines = 450

// checkSize keeps files to one concept.
func checkSize(_ *tree, f *file, report func(int, string, ...any)) {
	if n := f.lines(); n > maxLines && !f.isGenerated() {
		report(maxLines+1, "%d lines, %d allowed: one concept a file; split it by concept", n, maxLines)
	}
}
