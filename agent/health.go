package agent

import (
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
)

// wellness is what the agent's health service (grpc.health.v1) answers: SERVING when the group is known, nothing is
// wrong with what executes requests, and the agent is open.
type wellness struct {
	server *health.Server

	mu sync.Mutex
	// guarded by mu
	ready bool
	ill   bool
}

func (h *wellness) register(s *grpc.Server) {
	h.server = health.NewServer()
	h.set()
	grpc_health_v1.RegisterHealthServer(s, h.server)
}

// set with mu held, or before anybody else knows of h. After Shutdown it changes nothing.
func (h *wellness) set() {
	status := grpc_health_v1.HealthCheckResponse_NOT_SERVING
	if h.ready && !h.ill {
		status = grpc_health_v1.HealthCheckResponse_SERVING
	}
	h.server.SetServingStatus("", status)
}

// found is called when the group is known.
func (h *wellness) found() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ready = true
	h.set()
}

// SetHealthy says whether what executes requests gets anywhere, as its executor knows; it does until told otherwise.
// While it does not, the health service answers NOT_SERVING, so that who balances load sends requests elsewhere. The
// agent takes what comes nonetheless.
func (a *Agent) SetHealthy(ok bool) {
	a.health.mu.Lock()
	defer a.health.mu.Unlock()
	a.health.ill = !ok
	a.health.set()
}
