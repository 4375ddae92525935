package main

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"

	"github.com/gopyrpc/gopyrpc/internal/certs"
)

// certificates are the certificates of the group's authority, and of a second authority with the same subject.
type certificates struct {
	group, other *certs.Authority
	leaves       atomic.Int64
}

func newCertificates(dir string) (c *certificates, err error) {
	c = &certificates{}
	for folder, a := range map[string]**certs.Authority{"group": &c.group, "other": &c.other} {
		folder = filepath.Join(dir, folder)
		if err := os.Mkdir(folder, 0o700); err != nil {
			return nil, err
		}
		if *a, err = certs.New(folder); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// leaf makes the certificate of a worker, in files of its own.
func (c *certificates) leaf(by *certs.Authority, template x509.Certificate) (certs.Files, error) {
	return by.Leaf("leaf"+strconv.FormatInt(c.leaves.Add(1), 10), template)
}
