package main

import (
	"errors"

	"github.com/gopyrpc/gopyrpc/cmd/gopyrpc/carry"
	pypackage "github.com/gopyrpc/gopyrpc/python"
)

// childrenFolder is a folder from which processes that functions start import the package; empty where there can be none, as
// without a home: most functions start no processes.
func childrenFolder() string {
	folder, err := carry.Folder()
	if errors.Is(err, carry.ErrNone) {
		folder, err = pypackage.Unpack()
	}
	if err != nil {
		return ""
	}
	return folder
}
