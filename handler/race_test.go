//go:build race

package handler_test

// raceDetector says that the race detector is on: it allocates.
const raceDetector = true
