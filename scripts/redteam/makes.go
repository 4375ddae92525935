package main

import (
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// makePayloads is the attacker's process: it runs the Python code of attacks in which a real pickler takes part.
func makePayloads(r role, events *json.Encoder) error {
	rt, err := startPython(r)
	if err != nil {
		return err
	}
	if _, err := handler.New(background, rt); err != nil { // brings the package gopyrpc
		return err
	}
	attacks := byName()
	return gil.With(background, func(t gil.Token) error {
		attacker, err := rt.Import(t, "attacker")
		if err != nil {
			return err
		}
		defer attacker.Release()
		for _, name := range r.Attacks {
			e := event{Name: name}
			if data, err := madeBy(t, attacker, attacks[name].source); err != nil {
				e.Error = err.Error()
			} else if err := os.WriteFile(filepath.Join(r.Payloads, name), data, 0o600); err != nil {
				return err
			}
			_ = events.Encode(e)
		}
		return nil
	})
}

func madeBy(t gil.Token, attacker *pybridge.Object, source string) ([]byte, error) {
	out, err := attacker.CallMethod(t, "make", source)
	if err != nil {
		return nil, err
	}
	defer out.Release()
	return pybridge.As[[]byte](t, out)
}
