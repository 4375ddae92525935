package pyworker_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/agent/pyworker"
	"github.com/gopyrpc/gopyrpc/agent/pyworker/budget"
	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
)

// alone has a Python program start an agent that is a group by itself, with options, in a Go program that allows what the
// config says; and leave.
func alone(t *testing.T, config pyworker.Config, options string) error {
	t.Helper()
	config.Logger = slog.New(slog.DiscardHandler)
	require.NoError(t, pyworker.Provide(t.Context(), pythontest.Runtime(), config))
	return gil.With(t.Context(), func(tok gil.Token) error {
		f := pythontest.Define(t, tok, `
def alone():
    import gopyrpc as rpc
    options = rpc.RpcBackendOptions(init_method="tcp://127.0.0.1:0", `+options+`)
    rpc.init_rpc("alone", rank=0, world_size=1, rpc_backend_options=options)
    try:
        assert rpc.rpc_sync("alone", abs, (-1,)) == 1
    finally:
        rpc.shutdown(graceful=False)
`, "alone")
		defer f.Release()
		result, err := f.Call(tok)
		result.Release()
		return err
	})
}

// TestOptionsRestrictWhatAGoProgramAllows: and loosen nothing of it.
func TestOptionsRestrictWhatAGoProgramAllows(t *testing.T) {
	limits := agent.Limits{MaxMessage: 1 << 20}
	for options, config := range map[string]pyworker.Config{
		"":                                {},
		`allow=["builtins:abs"]`:          {},
		`insecure=False`:                  {Config: agent.Config{Insecure: true}},
		`insecure=True, guest=["cli"]`:    {Config: agent.Config{Insecure: true, Guests: []string{"cli", "bob"}}},
		`max_message="1MiB"`:              {Config: agent.Config{Limits: limits}},
		`max_message=1 << 30`:             {},
		`max_call_time=60, max_calls=10`:  {Budget: budget.Limits{PerCall: time.Minute}},
		`max_result={"w1": 1000}`:         {Budgets: map[string]budget.Limits{"w1": {Result: 2000}}},
		`rref_lease=60, listen="[::1]:0"`: {},
		`token="a secret of some length"`: {},
	} {
		assert.NoError(t, alone(t, config, options), options)
	}
	for options, config := range map[string]pyworker.Config{
		`insecure=True`:                         {},
		`allow=["os"]`:                          {Config: agent.Config{Policy: &agent.Policy{Default: []string{"builtins:abs"}}}},
		`guest=["eve"]`:                         {Config: agent.Config{Guests: []string{"cli"}}},
		`max_message="2MiB"`:                    {Config: agent.Config{Limits: limits}},
		`max_message="2GiB"`:                    {},
		`max_message=0`:                         {Config: agent.Config{Limits: limits}},
		`max_call_time=61`:                      {Budget: budget.Limits{PerCall: time.Minute}},
		`max_calls={"w1": 11}`:                  {Budget: budget.Limits{Calls: 10}},
		`max_calls=11`:                          {Budgets: map[string]budget.Limits{"w1": {Calls: 10}}},
		`rref_lease=60`:                         {Config: agent.Config{RRefLease: time.Second}},
		`listen="127.0.0.1:1234"`:               {Config: agent.Config{Listen: "127.0.0.1:0"}},
		`token="another secret of some length"`: {Config: agent.Config{Token: &agent.Token{Value: "a secret of some length"}}},
		`log_level="debug"`:                     {},
	} {
		err := alone(t, config, options)
		assert.ErrorContains(t, err, "options can only restrict it further", options)
	}
	assert.ErrorContains(t, alone(t, pyworker.Config{}, `max_calls="x"`), `max_calls "x": expected a whole number`)
	assert.ErrorContains(t, alone(t, pyworker.Config{}, `tls_cert="c"`), "tls_cert= and tls_key= go together")
}
