package pyworker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/gopyrpc/gopyrpc/agent"
)

// meetingPlace is where the workers of a group meet, as one of them sees it.
type meetingPlace struct {
	address     string // host:port: of the coordinator, or of a store by which the group finds it
	coordinator string // its worker's name, "" where it is not known
	hosts       bool   // this worker is the coordinator, and the address is where it listens
	lent        bool   // until the group is complete only; then it listens elsewhere alone
	spread      bool   // the group is known to have workers on other machines

	// What find finds.
	host, port string
	resolved   []net.IP
	open       bool // others than those on this machine may be let in

	both *twoListeners // of a worker that is lent the address
}

// meetingPlaceOf reads one from the arguments that begin with that of index i.
func meetingPlaceOf(a arguments, i int) (m meetingPlace, err error) {
	var errs [5]error
	m.address, errs[0] = argument[string](a, i)
	m.coordinator, errs[1] = argument[string](a, i+1)
	m.hosts, errs[2] = argument[bool](a, i+2)
	m.lent, errs[3] = argument[bool](a, i+3)
	m.spread, errs[4] = argument[bool](a, i+4)
	return m, errors.Join(errs[:]...)
}

const (
	lookupTime  = time.Minute            // for the name of a host that is being made known, as a pod's
	lookupPause = 500 * time.Millisecond // between two looks
	loopback    = "127.0.0.1"
)

// find makes the address what this worker is to reach it by: that of the loopback interface where no TLS is set, and the
// address is this machine's.
//
// Errors: a host that is not known; [agent.ExposedError] where it is on another machine, and nobody need prove anything.
func (m *meetingPlace) find(ctx context.Context, config *Config) error {
	if slices.Contains(config.Guests, m.coordinator) {
		return fmt.Errorf("the group is told to meet at worker %s at %s, and %s is a guest here (GOPYRPC_GUEST, --guest), which coordinates no group",
			m.coordinator, m.address, m.coordinator)
	}
	var err error
	if m.host, m.port, err = net.SplitHostPort(m.address); err != nil {
		return fmt.Errorf("the group cannot meet at %q, which is not of the form host:port: %w", m.address, err)
	}
	if m.resolved, err = lookup(ctx, m.host); err != nil {
		return fmt.Errorf("worker 0 cannot be at %s: %w", m.address, err)
	}
	if m.open = config.TLS != nil || config.Insecure; m.open || saysLoopback(m.host) {
		return nil
	}
	if m.spread || !ofThisMachine(m.resolved) {
		if config.Dial != nil || config.Listener != nil {
			return nil // what these reach is the program's affair
		}
		return &agent.ExposedError{Where: "meets its group at " + m.address}
	}
	m.host, m.resolved = loopback, []net.IP{net.ParseIP(loopback)}
	m.address = net.JoinHostPort(m.host, m.port)
	return nil
}

// settle sets where the worker listens, which is also where the others find it.
func (m *meetingPlace) settle(ctx context.Context, config *Config) error {
	if err := m.find(ctx, config); err != nil {
		return err
	}
	if config.Listen != "" || config.Listener != nil {
		return nil
	}
	if m.hosts {
		if m.open && !saysLoopback(m.host) && onLoopback(m.resolved) {
			return listenEverywhere(config, m.host, m.port)
		}
		if m.lent {
			return m.listenAtBoth(config)
		}
		config.Listen = m.address
		return nil
	}
	// The others reach this worker on the interface by which it reaches the meeting place.
	mine, err := interfaceTowards(m.address)
	if err != nil {
		return fmt.Errorf("worker 0 cannot be at %s: %w", m.address, err)
	}
	if m.open && !saysLoopback(m.host) && onLoopback([]net.IP{mine}) {
		return listenEverywhere(config, m.host, "0")
	}
	config.Listen = net.JoinHostPort(mine.String(), "0")
	return nil
}

// listenEverywhere is for a machine that has its own name as one of its loopback interface, as Debian's do, while the others reach it by that name.
func listenEverywhere(config *Config, host, port string) error {
	l, err := net.Listen("tcp", net.JoinHostPort("", port))
	if err != nil {
		return err
	}
	_, port, err = net.SplitHostPort(l.Addr().String())
	config.Listener = l
	if config.Advertise == "" {
		config.Advertise = net.JoinHostPort(host, port)
	}
	return err
}

// saysLoopback says whether a host is the loopback interface on whatever machine it is read.
func saysLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func onLoopback(addresses []net.IP) bool {
	return slices.ContainsFunc(addresses, net.IP.IsLoopback)
}

// ofThisMachine says whether an address is one of this machine's.
func ofThisMachine(addresses []net.IP) bool {
	own, err := net.InterfaceAddrs()
	if err != nil {
		return onLoopback(addresses)
	}
	return slices.ContainsFunc(addresses, func(ip net.IP) bool {
		return ip.IsLoopback() || slices.ContainsFunc(own, func(a net.Addr) bool {
			n, ok := a.(*net.IPNet)
			return ok && n.IP.Equal(ip)
		})
	})
}

// lookup returns the addresses of a host. It waits for a name that is not known yet.
func lookup(ctx context.Context, host string) ([]net.IP, error) {
	if host == "" {
		return nil, errors.New("the address has no host")
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	for {
		addresses, err := net.DefaultResolver.LookupIP(ctx, "ip", host)
		if err == nil {
			return addresses, nil
		}
		pause := time.NewTimer(lookupPause)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return nil, err
		}
	}
}

// interfaceTowards returns this machine's address on the way to another one. Nothing is sent.
func interfaceTowards(address string) (net.IP, error) {
	conn, err := net.Dial("udp", address)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	local, ok := conn.LocalAddr().(*net.UDPAddr)
	if !ok {
		return nil, fmt.Errorf("an address of UDP is a %T", conn.LocalAddr())
	}
	return local.IP, nil
}
