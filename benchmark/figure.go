package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// Figure is one measured number. Ratios are ours over the other's unless the key says otherwise.
type Figure struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
	Unit   string  `json:"unit"`
}

// Result is what the benchmark with --json prints.
type Result struct {
	Machine map[string]string `json:"machine"`
	Figures map[string]Figure `json:"figures"`
	Skipped map[string]string `json:"skipped,omitempty"` // key to reason
}

// Setup is what the measurements share.
type Setup struct {
	Runtime *pybridge.Runtime
	Handler *handler.Handler
	Self    string // this executable, for measurements of whole processes
	Command *command
	Python  string // the interpreter that Start uses
	Rounds  int

	// Progress is told of each figure before it is measured, as number of how many; nil for no progress.
	Progress func(key string, number, of int)
}

// Measurement makes the samples of one figure.
type Measurement struct {
	Key    string
	Unit   string
	What   string  // for the human table
	Bound  float64 // what the project holds itself to; 0 for none
	AtMost bool    // the bound is an upper one

	sample func(context.Context, *Setup) ([]float64, error)
}

// skipError is a figure that cannot be measured here.
type skipError struct{ reason string }

func (e *skipError) Error() string { return e.reason }

// All lists every figure, in the order of the table.
func All() []Measurement {
	return []Measurement{
		{"udf_vs_c_floor", "ratio", "RunUDF over the same C-API calls in a C loop", 1.10, true, udfVsFloor},
		{"udf_vs_bare_crossing", "ratio", "RunUDF over the same with nothing but a crossing for each call", 0, true, udfVsCrossing},
		{"udf_cancellable_vs_udf", "ratio", "RunUDF with a context that can end over one that cannot", 0, true, cancellable(unchanged)},
		{"udf_staying_vs_udf", "ratio", "the same for a caller that does not leave (gil.WaitForCompletion)", 0, true, cancellable(gil.WaitForCompletion)},
		{"udf_allowed_vs_udf", "ratio", "RunUDF under an allow-list over RunUDF without one", 1.3, true, allowedVsUDF("", "")},
		{"udf_allowed_bytes_1mib_vs_udf", "ratio", "the same with 1 MiB of bytes", 1.3, true, allowedVsUDF("bytes(1 << 20)", "builtins")},
		{"udf_allowed_array_1mib_vs_udf", "ratio", "the same with an array of 1 MiB", 1.3, true, allowedVsUDF("numpy.ones(1 << 17)", "numpy")},
		{"refused_per_s", "1/s", "requests that one core refuses in a second", 100_000, false, refusalsPerSecond},
		{"naive_vs_udf", "ratio", "a crossing and a PyGILState pair per call, over RunUDF", 2, false, naiveVsUDF},
		{"attach_ns", "ns", "taking and giving back a free GIL", 0, true, attach},
		{"start_vs_python", "ratio", "a process with Start and Close over python3 -c pass", 1.5, true, startVsPython},
		{"throughput_64_vs_1", "ratio", "calls per second of 64 goroutines over one's", 0.95, false, throughput(64)},
		{"throughput_1000_vs_1", "ratio", "calls per second of 1,000 goroutines over one's", 0.95, false, throughput(1000)},
		{"wait_p99_vs_p50", "ratio", "64 goroutines: the time of one call in a hundred over the median", 3, true, fairness},
		{"short_p99_vs_interval", "ratio", "short calls beside one that computes: p99 over the switch interval", 2, true, besideSpinning},
		{"udf_own_vs_torch", "ratio", "our module's round trip over torch's, same call", 0.5, true, ownVsTorch},
		{"udf_torch_vs_c_floor", "ratio", "RunUDF with torch's module over torch's three functions called in a C loop", 1.05, true, torchVsFloor},
		{"async_torch_vs_plain", "ratio", "rpc_async(…).wait() with futures that are torch's, too, over the same with plain ones, time", 1.1, true, withTorch("async_torch")},
		{"async_torch_w32_vs_plain", "ratio", "rpc_async adds, 32 at a time, with such futures over the same with plain ones, time", 0, true, withTorch("async_torch_w32")},
		{"wheel_latency_vs_run", "ratio", "rpc_sync of an add between two processes of python3 over two Go programs that run the script, time", 1.05, true, vsGoHost("latency_bare")},
		{"agent_latency_vs_tensorpipe", "ratio", "rpc_sync of an add between two processes over torch's, time", 0.33, true, vsTensorPipe("latency")},
		{"agent_throughput_w32_vs_tensorpipe", "ratio", "rpc_async adds, 32 at a time, over torch's, calls per second", 3, false, vsTensorPipe("throughput_w32")},
		{"agent_bytes_1mib_vs_tensorpipe", "ratio", "an echo of 1 MiB of bytes over torch's, time", 0.1, true, vsTensorPipe("bytes_1mib")},
		{"agent_tensor_1mib_vs_tensorpipe", "ratio", "an echo of a tensor of 1 MiB over torch's, time", 1, true, vsTensorPipe("tensor_1mib")},
		{"agent_tensor_100mib_vs_tensorpipe", "ratio", "an echo of a tensor of 100 MiB over torch's, time", 1, true, vsTensorPipe("tensor_100mib")},
	}
}

// Select gives the measurements of the keys, or all for none.
func Select(keys []string) ([]Measurement, error) {
	all := All()
	if len(keys) == 0 {
		return all, nil
	}
	var out []Measurement
	for _, key := range keys {
		i := slices.IndexFunc(all, func(m Measurement) bool { return m.Key == key })
		if i < 0 {
			return nil, fmt.Errorf("no figure %q; there are %s", key, strings.Join(Keys(), ", "))
		}
		out = append(out, all[i])
	}
	return out, nil
}

// Keys names every figure, in the order of the table.
func Keys() []string {
	var keys []string
	for _, m := range All() {
		keys = append(keys, m.Key)
	}
	return keys
}

// Run measures and summarises one figure.
func (m Measurement) Run(ctx context.Context, s *Setup) (Figure, error) {
	samples, err := m.sample(ctx, s)
	if err != nil {
		return Figure{}, fmt.Errorf("%s: %w", m.Key, err)
	}
	slices.Sort(samples)
	n := len(samples)
	return Figure{(samples[(n-1)/2] + samples[n/2]) / 2, samples[0], samples[n-1], m.Unit}, nil
}

// Holds says whether a figure is within its bound.
func (m Measurement) Holds(f Figure) bool {
	switch {
	case m.Bound == 0:
		return true
	case m.AtMost:
		return f.Median <= m.Bound
	default:
		return f.Median >= m.Bound
	}
}
