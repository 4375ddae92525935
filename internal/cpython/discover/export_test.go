package discover

import (
	"context"
	"os"
)

// ByReading identifies an interpreter from its files alone.
func ByReading(exe string) (Interpreter, error) {
	id, err := inspect(exe, os.Getenv)
	if err != nil {
		return Interpreter{}, err
	}
	return complete(id, Options{})
}

// ByAsking identifies an interpreter by running it.
func ByAsking(ctx context.Context, exe string) (Interpreter, error) {
	id, err := ask(ctx, exe)
	if err != nil {
		return Interpreter{}, err
	}
	return complete(id, Options{})
}

var CompareVersions = compareVersions
