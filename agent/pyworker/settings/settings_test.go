package settings_test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/agent/pyworker/budget"
	"github.com/gopyrpc/gopyrpc/agent/pyworker/settings"
)

func environment(t *testing.T, variables map[string]string) settings.Values {
	t.Helper()
	return settings.FromEnvironment(func(name string) (string, bool) {
		text, ok := variables[name]
		return text, ok
	})
}

func options(t *testing.T, given map[string]any) settings.Values {
	t.Helper()
	v, err := settings.FromOptions(given)
	require.NoError(t, err)
	return v
}

func target() *settings.Target {
	return &settings.Target{Agent: &agent.Config{}, Budget: &budget.Limits{}, Budgets: map[string]budget.Limits{}, Level: slog.LevelWarn}
}

func applied(t *testing.T, v settings.Values) *settings.Target {
	t.Helper()
	to := target()
	require.NoError(t, v.Apply(to))
	return to
}

// TestEverySettingMeansTheSameInItsSpellings: a variable and an option that say the same make the same configuration, and
// one that differs from that of nothing said.
func TestEverySettingMeansTheSameInItsSpellings(t *testing.T) {
	values := map[string]string{
		"insecure": "1", "max-message": "64MiB", "max-call-time": "2s", "max-minute-time": "30s", "max-result": "1KB", "max-calls": "7",
		"rref-lease": "90s", "log-level": "error", "print-failures": "1",
	}
	nothing := applied(t, settings.Values{})
	for _, s := range settings.All() {
		value := values[s.Name]
		if value == "" {
			value = "something"
		}
		of := applied(t, environment(t, map[string]string{s.Variable(): value}))
		assert.Equal(t, of, applied(t, options(t, map[string]any{s.Option(): value})), s.Name)
		assert.NotEqual(t, nothing, of, s.Name)
		var flag settings.Values
		flag.Set(settings.Flag, s.Name, value)
		assert.Equal(t, of, applied(t, flag), s.Name)
		assert.Equal(t, []string{s.Variable() + "=" + value}, flag.Environ(), "what another process is told it by")
	}
}

func TestAnOptionComesBeforeAFlagAndThatBeforeAVariable(t *testing.T) {
	v := environment(t, map[string]string{"GOPYRPC_LISTEN": "h:1", "GOPYRPC_ADVERTISE": "h:1", "GOPYRPC_ALLOW": "a, b w1=c"})
	var flags settings.Values
	flags.Set(settings.Flag, "listen", "h:2")
	flags.Set(settings.Flag, "advertise", "h:2")
	to := applied(t, v.With(flags).With(options(t, map[string]any{"listen": "h:3", "tls_ca": nil, "token_file": ""})))
	assert.Equal(t, "h:3", to.Agent.Listen)
	assert.Equal(t, "h:2", to.Agent.Advertise)
	assert.Equal(t, []string{"cli"}, to.Agent.Guests, "the default")
	assert.Equal(t, &agent.Policy{Default: []string{"a", "b"}, Workers: map[string][]string{"w1": {"c", "a", "b"}}}, to.Agent.Policy)
	assert.Nil(t, to.Agent.TLS)
	assert.Nil(t, to.Agent.Token)
}

// TestAnEmptyListIsOneOfNothing: allow=[] is not the same as no list, which allows anything.
func TestAnEmptyListIsOneOfNothing(t *testing.T) {
	to := applied(t, options(t, map[string]any{"allow": []any{}, "guest": []any{}}))
	assert.Equal(t, &agent.Policy{Default: []string{}, Workers: map[string][]string{}}, to.Agent.Policy)
	assert.Empty(t, to.Agent.Guests)
	assert.Nil(t, applied(t, options(t, map[string]any{"allow": nil})).Agent.Policy)
}

// TestAnEmptyAllowAllowsNothing: nor is a variable or a text that is empty, as that of a template whose value is missing.
func TestAnEmptyAllowAllowsNothing(t *testing.T) {
	var flag settings.Values
	flag.Set(settings.Flag, "allow", "")
	for said, v := range map[string]settings.Values{
		"variable": environment(t, map[string]string{"GOPYRPC_ALLOW": ""}), "commas": environment(t, map[string]string{"GOPYRPC_ALLOW": " , "}),
		"option": options(t, map[string]any{"allow": ""}), "list": options(t, map[string]any{"allow": []any{""}}), "flag": flag,
	} {
		assert.Equal(t, &agent.Policy{Default: []string{}, Workers: map[string][]string{}}, applied(t, v).Agent.Policy, said)
		assert.Equal(t, []string{"GOPYRPC_ALLOW="}, v.Environ(), "what another process is told it by")
	}
}

func TestAMisspeltVariableIsAnError(t *testing.T) {
	for wrong, meant := range map[string]string{
		"GOPYRPC_ALOW": "GOPYRPC_ALLOW", "GOPYRPC_TOKENFILE": "GOPYRPC_TOKEN_FILE", "GOPYRPC_GUESTS": "GOPYRPC_GUEST", "GOPYRPC_TLS_CRET": "GOPYRPC_TLS_CERT",
	} {
		assert.ErrorContains(t, settings.Misspelt([]string{"HOME", wrong}), wrong+" is no setting; was "+meant+" meant?")
	}
	own := []string{"GOPYRPC_PYTHON", "GOPYRPC_PEERS", "ALOW", "GOPYRPC_SOMETHING_ELSE"}
	for _, s := range settings.All() {
		own = append(own, s.Variable())
	}
	assert.NoError(t, settings.Misspelt(own))
}

func TestOptionsHavePythonsTypes(t *testing.T) {
	to := applied(t, options(t, map[string]any{
		"insecure": true, "max_message": int64(1 << 20), "rref_lease": 1.5, "max_call_time": []any{int64(2), "w1=3s"}, "max_calls": int64(5),
		"allow": []any{"math", "w1=os:getpid"},
	}))
	assert.True(t, to.Agent.Insecure)
	assert.Equal(t, int64(1<<20), to.Agent.Limits.MaxMessage)
	assert.Equal(t, 1500*time.Millisecond, to.Agent.RRefLease)
	assert.Equal(t, budget.Limits{PerCall: 2 * time.Second, Calls: 5}, *to.Budget)
	assert.Equal(t, budget.Limits{PerCall: 3 * time.Second}, to.Budgets["w1"])
	for option, value := range map[string]any{
		"listen": true, "tls_cert": []any{"a", "b"}, "allow": []any{[]any{}}, "unheard_of": "x", "max_message": struct{}{},
	} {
		_, err := settings.FromOptions(map[string]any{option: value})
		assert.ErrorContains(t, err, option+"=", option)
	}
}

// TestErrorsNameWhatWasSaidAndWhere: the spelling is that of the place which has the bad value.
func TestErrorsNameWhatWasSaidAndWhere(t *testing.T) {
	for value, names := range map[string][]string{
		"-5": {"max-calls", "max-result"}, "x": {"max-call-time", "max-minute-time", "max-message", "rref-lease", "insecure", "log-level"}, "w1=": {"allow"},
	} {
		for _, name := range names {
			s := settings.Of(name)
			assert.ErrorContains(t, environment(t, map[string]string{s.Variable(): value}).Apply(target()), fmt.Sprintf("%s %q: ", s.Variable(), value))
			assert.ErrorContains(t, options(t, map[string]any{s.Option(): value}).Apply(target()), fmt.Sprintf("%s %q: ", s.Option(), value))
		}
	}
}

func TestACertificateHasAKeyAndATokenIsSaidOnce(t *testing.T) {
	v := environment(t, map[string]string{"GOPYRPC_TLS_CERT": "c"})
	assert.EqualError(t, v.CheckIdentity(false), "GOPYRPC_TLS_CERT and GOPYRPC_TLS_KEY go together")
	v = options(t, map[string]any{"tls_ca": "c"})
	assert.ErrorContains(t, v.CheckIdentity(false), "tls_cert= and tls_key= are missing")
	assert.ErrorContains(t, v.CheckIdentity(true), "tls_ca= proves who is called, not who calls")
	v = environment(t, map[string]string{"GOPYRPC_TOKEN": "secret"}).With(options(t, map[string]any{"token_file": "f"}))
	assert.EqualError(t, v.CheckIdentity(false), "token_file= and GOPYRPC_TOKEN exclude each other")
	v = options(t, map[string]any{"tls_cert": "c", "tls_key": "k", "token": "t"})
	assert.NoError(t, v.CheckIdentity(false))
}

func TestAnAgentsErrorsAreToldInTheWordsOfTheSettings(t *testing.T) {
	v := environment(t, map[string]string{"GOPYRPC_LISTEN": "nonsense"})
	_, err := agent.New(agent.Config{Name: "w", Executor: nobody{}, Listen: "nonsense"})
	assert.Contains(t, v.Explain(err), `GOPYRPC_LISTEN: "nonsense" is not of the form host:port`)
	_, err = agent.New(agent.Config{Name: "w", Executor: nobody{}, Listen: "0.0.0.0:0"})
	assert.Contains(t, v.Explain(err), "\n  GOPYRPC_INSECURE=1")
}

type nobody struct{ agent.Executor }

func TestSizesAreWrittenAsTheyAreRead(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "1073741824": 1 << 30, "1GiB": 1 << 30, "1gib": 1 << 30, " 64 MB ": 64e6, "3KiB": 3 << 10, "5b": 5, "-5": -5,
		"9223372036854775807": 1<<63 - 1, "2TiB": 2 << 40, "8kB": 8000,
	} {
		n, err := settings.ParseSize(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, n, text)
		again, err := settings.ParseSize(settings.FormatSize(n))
		require.NoError(t, err)
		assert.Equal(t, n, again)
	}
	for _, text := range []string{"", "GiB", "1.5GiB", "1PiB", "1 G iB", "x1", "9223372036854775808", "9000000TiB", "1e9", "0x10"} {
		_, err := settings.ParseSize(text)
		assert.Error(t, err, text)
	}
	assert.Equal(t, "1GiB", settings.FormatSize(1<<30))
}

// TestPythonHasTheTable: RpcBackendOptions has the settings as fields.
func TestPythonHasTheTable(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "python", "gopyrpc", "_rpc", "options.py"))
	require.NoError(t, err)
	_, list, found := strings.Cut(string(text), "\nSETTINGS = (")
	require.True(t, found)
	list, _, _ = strings.Cut(list, "\n)")
	var want []string
	for _, s := range settings.All() {
		want = append(want, s.Option())
	}
	assert.Equal(t, want, strings.FieldsFunc(list, func(r rune) bool { return strings.ContainsRune("\", \n", r) }))
}

// TestTheDocumentHasTheTable: docs/operations.md lists the settings that there are, with these names and in this order.
func TestTheDocumentHasTheTable(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "operations.md"))
	require.NoError(t, err)
	var rows []string
	for line := range strings.Lines(string(text)) {
		if cells := strings.Split(line, "|"); len(cells) > 4 && strings.Contains(cells[2], "`GOPYRPC_") {
			rows = append(rows, strings.Join(cells[:4], "|")+"|")
		}
	}
	var want []string
	for _, s := range settings.All() {
		flag := "`" + s.Flag() + "`"
		if s.Secret {
			flag = "none"
		}
		want = append(want, fmt.Sprintf("| %s | `%s` | `%s=` |", flag, s.Variable(), s.Option()))
	}
	assert.Equal(t, want, rows)
}
