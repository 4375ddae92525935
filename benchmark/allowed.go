package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/handler/policy"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// allowedVsUDF compares calls under an allow-list with those without one: of operator.add where argument is nil, and
// else of operator.truth with what argument evaluates to.
func allowedVsUDF(argument, needs string) func(context.Context, *Setup) ([]float64, error) {
	return func(ctx context.Context, s *Setup) ([]float64, error) {
		restricted, err := handler.New(ctx, s.Runtime, handler.WithAllow("_operator"))
		if err != nil {
			return nil, err
		}
		defer func() { _ = restricted.Cleanup(context.WithoutCancel(ctx)) }()
		payload, err := allowedPayload(ctx, s, argument, needs)
		if err != nil {
			return nil, err
		}
		defer payload.Release()
		plain, allowed := &subject{handler: s.Handler, payload: payload}, &subject{handler: restricted, payload: payload}
		calls := callsPerRound
		if argument != "" {
			calls = callsPerRound / 10
		}
		return ratiosOfSums(s.Rounds, turns,
			func() (time.Duration, error) { return allowed.ours(ctx, calls) },
			func() (time.Duration, error) { return plain.ours(ctx, calls) })
	}
}

func allowedPayload(ctx context.Context, s *Setup, argument, needs string) (handler.Payload, error) {
	if argument == "" {
		return makePayload(ctx, s.Runtime, s.Handler, "operator", "add", 1, 2)
	}
	value, err := evaluated(ctx, s.Runtime, argument, needs)
	if err != nil {
		return handler.Payload{}, err
	}
	defer value.Release()
	return makePayload(ctx, s.Runtime, s.Handler, "operator", "is_not", value, nil)
}

// evaluated is what an expression of a module gives, or the reason why there is no such module.
func evaluated(ctx context.Context, rt *pybridge.Runtime, expression, needs string) (value *pybridge.Object, err error) {
	err = gil.With(ctx, func(t gil.Token) error {
		module, err := rt.Import(t, needs)
		if errors.Is(err, pybridge.ModuleNotFoundError) {
			return &skipError{fmt.Sprintf("this Python has no %s", needs)}
		}
		if err != nil {
			return err
		}
		defer module.Release()
		builtins, err := rt.Import(t, "builtins")
		if err != nil {
			return err
		}
		defer builtins.Release()
		value, err = builtins.CallMethod(t, "eval", expression, pybridge.Dict{{Key: needs, Value: module}})
		return err
	})
	return value, err
}

// refusalsPerSecond is how many requests one core refuses, without a word to Python.
func refusalsPerSecond(_ context.Context, s *Setup) ([]float64, error) {
	p, err := policy.New([]string{"math"})
	if err != nil {
		return nil, err
	}
	body := [][]byte{[]byte("\x80\x05\x95\x34\x00\x00\x00\x00\x00\x00\x00\x8c\x10gopyrpc.internal\x94\x8c\x09PythonUDF\x94\x93\x94\x8c\x05posix\x94\x8c\x06system\x94\x93\x94\x8c\x02id\x94\x85\x94}\x94\x87\x94\x81\x94.")}
	before := gil.Stats().Hold.Count
	var out []float64
	for i := range s.Rounds + 1 {
		start := time.Now()
		for range 10 * callsPerRound {
			var refusal *policy.Refusal
			if _, err := p.Request(body); !errors.As(err, &refusal) {
				return nil, fmt.Errorf("a call of posix:system was not refused, but: %w", err)
			}
		}
		if i > 0 {
			out = append(out, 10*callsPerRound/time.Since(start).Seconds())
		}
	}
	if gil.Stats().Hold.Count != before {
		return nil, errors.New("refusing has entered Python")
	}
	return out, nil
}
